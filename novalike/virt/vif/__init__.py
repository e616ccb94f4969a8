"""The host's side of guests' network interfaces, for all drivers whose hypervisor is this host: made by os-vif."""
