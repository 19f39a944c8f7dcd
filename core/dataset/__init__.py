"""A folder of radiographs as a dataset: manifest, fingerprint, splits, pixel cache."""
