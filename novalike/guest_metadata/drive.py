"""The metadata as files of a config drive."""

from novalike.guest_metadata import ec2, openstack
from novalike.guest_metadata.guest import Guest

# Of EC2 only the newest: nothing that reads a config drive knows the older ones alone.
_EC2_VERSIONS = (ec2.VERSIONS[-1], "latest")


def config_drive_files(guest: Guest) -> dict[str, bytes]:
    """Path → content, of all documents in all versions."""
    files: dict[str, bytes] = {}
    for version in _EC2_VERSIONS:
        tree = ec2.tree(guest, version)
        if "user-data" in tree:
            files[f"ec2/{version}/user-data"] = tree["user-data"]
        files[f"ec2/{version}/meta-data.json"] = openstack.encode(tree["meta-data"])
    for folder in (*openstack.VERSIONS, "latest"):
        version = openstack.version_of(folder)
        for document in openstack.DOCUMENTS:
            if version < document.since or document.name == "password":
                continue
            if document.name == "meta_data.json":
                password = guest.spec.admin_password
                content: bytes | None = openstack.encode(
                    openstack.meta_data(guest, version, admin_password=password)
                )
            else:
                content = document.read(guest, version)
            if content is not None:
                files[f"openstack/{folder}/{document.name}"] = content
    return files
