# SPDX-License-Identifier: GPL-2.0-or-later
# What the daemons really have, compared with what the records say. Whatever differs is a sentence
# in the list that problems() returns; a host at rest has none.

NULL = "OpaqueRef:NULL"
OPERATED = ("VM", "VBD", "VIF", "VDI", "SR")


class Reality:
    def __init__(self, host, client, known_disks=()):
        """known_disks: refs of VDIs that may be there though no VM has them."""
        self.known_disks = set(known_disks)
        # Records first and last: what changes meanwhile is no problem, only not at rest yet.
        self.records = {name: client.call(f"{name}.get_all_records")
                        for name in ("VM", "VBD", "VIF", "VDI", "SR", "PBD")}
        self.domains = {domain["uuid"]: domain for domain in host.ask("xcp-hypervisord", "domains")}
        self.paths = host.ask("xcp-storaged", "data_paths")
        self.ports = {port["uuid"]: port for port in host.ask("xcp-networkd", "ports")}
        self.contents = {}
        self.sources = {}
        plugged = {pbd["SR"] for pbd in self.records["PBD"].values() if pbd["currently_attached"]}
        for ref in plugged:
            uuid = self.records["SR"][ref]["uuid"]
            self.contents[ref] = {info["uuid"] for info in host.ask("xcp-storaged", "sr_scan", uuid)}
        for path in self.paths:
            if not path["id"].startswith("suspend-"):
                source = host.ask("xcp-storaged", "vdi_source", path["sr"], path["vdi"])
                self.sources[path["id"]] = source["path"]
        self.found = []

    def note(self, text):
        self.found.append(text)

    def guests(self):
        for ref, vm in self.records["VM"].items():
            if not vm["is_control_domain"]:
                yield ref, vm

    def check_operations(self):
        for name in OPERATED:
            for ref, record in self.records[name].items():
                if record["current_operations"]:
                    self.note(f"{name} {ref} is still in {record['current_operations']}")

    def check_domains(self):
        known = {vm["uuid"] for _, vm in self.guests()}
        for uuid, domain in self.domains.items():
            if domain["ours"] and uuid not in known:
                self.note(f"domain {uuid} belongs to no VM")
        for ref, vm in self.guests():
            domain = self.domains.get(vm["uuid"])
            real = domain["power"].capitalize() if domain else "none"
            wanted = vm["power_state"] if vm["power_state"] in ("Running", "Paused") else "none"
            if real != wanted:
                self.note(f"VM {vm['name_label']} is recorded {vm['power_state']}, its domain is {real}")
            if domain and int(vm["domid"]) != domain["domid"]:
                self.note(f"VM {vm['name_label']} has domid {vm['domid']}, its domain {domain['domid']}")
            if vm["power_state"] == "Suspended" and vm["suspend_VDI"] not in self.records["VDI"]:
                self.note(f"VM {vm['name_label']} is suspended to no disk")
            if vm["power_state"] != "Suspended" and not vm["is_a_snapshot"] and vm["suspend_VDI"] != NULL:
                self.note(f"VM {vm['name_label']} is not suspended and has a suspend image")

    def check_disks(self):
        paths = {path["id"]: path for path in self.paths}
        if len(paths) != len(self.paths):
            self.note("a data path is there twice")
        attached = {vbd["uuid"] for vbd in self.records["VBD"].values()
                    if vbd["currently_attached"] and not vbd["empty"]}
        for name in paths.keys() - attached:
            self.note(f"data path {name} of VDI {paths[name]['vdi']} is used by nobody")
        for ref, vbd in self.records["VBD"].items():
            vm = self.records["VM"][vbd["VM"]]
            domain = self.domains.get(vm["uuid"], {"disks": []})
            disks = {disk["device"]: disk for disk in domain["disks"] if disk["path"]}
            real = vbd["userdevice"] in disks
            if vbd["empty"]:
                if real:
                    self.note(f"VBD {ref} is empty, but its drive has a medium")
                continue
            if real != vbd["currently_attached"]:
                self.note(f"VBD {ref} of {vm['name_label']}: attached is {vbd['currently_attached']}, "
                          f"the guest has {sorted(disks)}")
            if not vbd["currently_attached"]:
                continue
            path = paths.get(vbd["uuid"])
            if path is None or not path["activated"]:
                self.note(f"VBD {ref} is attached, but its data path is {path}")
            elif real and path["read_write"] and disks[vbd["userdevice"]]["path"] != self.sources[path["id"]]:
                self.note(f"VBD {ref} has image {disks[vbd['userdevice']]['path']} open, the disk is in "
                          f"{self.sources[path['id']]}")

    def check_nics(self):
        attached = {vif["uuid"] for vif in self.records["VIF"].values() if vif["currently_attached"]}
        for name in self.ports.keys() - attached:
            self.note(f"port {name} is used by nobody")
        for name in attached - self.ports.keys():
            self.note(f"VIF {name} is attached and has no port")
        for ref, vif in self.records["VIF"].items():
            vm = self.records["VM"][vif["VM"]]
            domain = self.domains.get(vm["uuid"], {"nics": []})
            if (vif["device"] in {nic["device"] for nic in domain["nics"]}) != vif["currently_attached"]:
                self.note(f"VIF {ref} of {vm['name_label']}: attached is {vif['currently_attached']}, the "
                          f"guest has {[nic['device'] for nic in domain['nics']]}")

    def check_storage(self):
        suspended = {vm["suspend_VDI"] for vm in self.records["VM"].values()}
        for sr, content in self.contents.items():
            recorded = {vdi["uuid"]: vdi for vdi in self.records["VDI"].values() if vdi["SR"] == sr}
            for uuid in content - recorded.keys():
                self.note(f"disk {uuid} is in its SR, but has no record")
            for uuid, vdi in recorded.items():
                if uuid not in content or vdi["missing"]:
                    self.note(f"disk {uuid} ({vdi['name_label']}) has a record, but is gone")
        for ref, vdi in self.records["VDI"].items():
            if not vdi["VBDs"] and ref not in suspended and ref not in self.known_disks:
                self.note(f"disk {vdi['name_label']} ({vdi['type']}, {ref}) belongs to nobody")

    def problems(self):
        self.check_operations()
        self.check_domains()
        self.check_disks()
        self.check_nics()
        self.check_storage()
        return self.found


def problems(host, client, known_disks=()):
    return Reality(host, client, known_disks).problems()
