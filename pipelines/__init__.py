"""Loading pipeline of supplier catalogs: a link or a file in, a trustworthy catalog out."""
