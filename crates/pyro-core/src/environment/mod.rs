//! Environments: the named bases that vms boot from.
