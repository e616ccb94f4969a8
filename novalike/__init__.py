"""novalike: a Nova-style compute service.

Rooms, from the top (imports go downwards only, see ``[tool.importlinter]`` in pyproject.toml)::

    cmd                                                  entry points
    api  scheduler  conductor  compute  console          the daemons; they never import each other
    db (conductor, manage)  virt (compute)  clients      SQL; hypervisors; Keystone, Placement, Glance, Neutron
    bus                                                  RabbitMQ; the interfaces that daemons offer each other
    conf                                                 options, one file per group
    objects                                              records that cross the bus, errors, the state table
"""
