"""What the command line does, a module for each kind of thing that it works on."""
