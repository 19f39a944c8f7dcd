"""One file, one radiograph: reading pictures, checking that they can be images, phantoms."""
