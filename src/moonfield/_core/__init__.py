"""What every layer shares: trees, keys, results, errors, progress."""
