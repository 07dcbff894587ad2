"""CommerceML 2 and 3.1: files and sets of files of 1C."""
