"""The control plane process: admin API, link to the workers, lifecycle, ledger."""
