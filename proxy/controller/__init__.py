"""The site controller: the process that holds sites to their budgets.

It is a child of the share process, on Twisted's asyncio reactor. Read `program`
first, then `sites` and `control_loop`. Decisions are in `proxy.power`.
"""
