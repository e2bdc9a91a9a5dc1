"""One module a file format; all are read into one `Recording`."""
