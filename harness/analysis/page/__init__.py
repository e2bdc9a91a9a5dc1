"""The report's page: what it holds, and what is put into it."""
