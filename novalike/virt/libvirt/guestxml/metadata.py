"""Our own element in ``<metadata>``: marks the guest as ours, and says whose it is."""

from lxml import etree

from novalike.virt.libvirt.guestspec import GuestSpec
from novalike.virt.libvirt.guestxml.elements import Element, element

NAMESPACE = "urn:novalike:guest:1"


def render(guest: GuestSpec) -> Element:
    """``<metadata>``."""
    about = guest.description
    ours = etree.Element(f"{{{NAMESPACE}}}instance", nsmap={"novalike": NAMESPACE})

    def add(parent: Element, tag: str, text: object = None, **attributes: object) -> Element:
        child = etree.SubElement(
            parent, f"{{{NAMESPACE}}}{tag}", {name: str(value) for name, value in attributes.items()}
        )
        if text is not None:
            child.text = _printable(str(text))
        return child

    add(ours, "package", version=guest.version)
    add(ours, "node", uuid=about.node)
    add(ours, "name", about.name)
    add(ours, "creationTime", about.created_at)
    flavor = add(ours, "flavor", name=_printable(about.flavor_name), id=_printable(about.flavor_id))
    add(flavor, "memory", about.memory_mb)
    add(flavor, "disk", about.root_gb)
    add(flavor, "swap", about.swap)
    add(flavor, "ephemeral", about.ephemeral_gb)
    add(flavor, "vcpus", about.vcpus)
    owner = add(ours, "owner")
    add(owner, "user", uuid=about.user_id)
    add(owner, "project", uuid=about.project_id)
    if about.image_id:
        add(ours, "root", type="image", uuid=about.image_id)
    ports = add(ours, "ports")
    for port_id, addresses in about.ports:
        port = add(ports, "port", uuid=port_id)
        for address in addresses:
            add(port, "ip", address=address)
    return element("metadata", ours)


def node_of(xml: str) -> str | None:
    """The compute node that our element names. libvirt gives it back without its namespace."""
    node = etree.fromstring(xml).find("{*}node")
    return None if node is None else node.get("uuid")


def _printable(text: str) -> str:
    """Text without what XML can't hold: names are users' input."""
    return "".join(c for c in text if c.isprintable() and not 0xD800 <= ord(c) <= 0xDFFF and c not in "\ufffe\uffff")
