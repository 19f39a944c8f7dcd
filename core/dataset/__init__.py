"""A folder of radiographs as a cohort: manifest, fingerprint, splits, pixel cache."""
