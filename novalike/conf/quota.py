"""[quota]: default limits of projects. -1 is without limit."""

from oslo_config import cfg

GROUP = cfg.OptGroup("quota", title="Quota")


def _limit(name: str, default: int, what: str) -> cfg.IntOpt:
    return cfg.IntOpt(name, default=default, min=-1, help=f"{what} -1 is without limit.")


OPTS = [
    _limit("instances", 10, "Servers per project."),
    _limit("cores", 20, "vCPUs per project."),
    _limit("ram", 50 * 1024, "MiB of memory per project."),
    _limit("metadata_items", 128, "Metadata items per server."),
    _limit("injected_files", 5, "Injected files per server (API up to 2.56)."),
    _limit("injected_file_content_bytes", 10 * 1024, "Bytes per injected file (API up to 2.56)."),
    _limit("injected_file_path_length", 255, "Length of an injected file's path (API up to 2.56)."),
    _limit("key_pairs", 100, "Key pairs per user."),
    _limit("server_groups", 10, "Server groups per project."),
    _limit("server_group_members", 10, "Servers per server group."),
]
