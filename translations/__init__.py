"""French is written in the code and the templates; the other languages are catalogues here."""
