// SPDX-License-Identifier: GPL-2.0-or-later
// Domains that arrive by migration. Until it is the VM's domain, one has a name of its own, a
// display at a place of its own and NICs under their default names, because the domain it is to
// replace may be on this host; and the record kept with it says where it stands.
#include <cstdio>

#include "hypervisor/libxl/libxl_driver.hpp"
#include "hypervisor/libxl/nic_names.hpp"
#include "hypervisor/libxl/xenstore.hpp"
#include "hypervisor/membership.hpp"

namespace xcp::hypervisor::libxl {

namespace {

std::string short_of(const std::string& migration) {
  return migration.substr(0, 8);
}

std::string arrival_name(const std::string& uuid, const std::string& migration) {
  return uuid + "-" + short_of(migration);
}

// libxl removes this with a domain of the VM, whichever; programs in the guest may look at it.
void mend_vm_nodes(const Kept& kept, const std::string& name) {
  const std::string base = "/vm/" + kept.spec.uuid;
  try {
    Xenstore store;
    store.write(base + "/uuid", kept.spec.uuid);
    store.write(base + "/name", name);
  } catch (const Failure&) {
    // They are for information only.
  }
}

}  // namespace

Places LibxlDriver::places_of_arrival(const Kept& kept) const {
  Places places = places_for(kept.spec);
  if (!places.vnc_socket.empty())
    places.vnc_socket = settings_.state_dir + "/sockets/" + kept.spec.uuid + "." +
                        short_of(kept.migration) + ".vnc";
  return places;
}

// Paused and whole, not yet the VM's.
LibxlDriver::Found LibxlDriver::make_arrival(Context& context, const Kept& kept,
                                             const Create& create) {
  VmSpec spec = kept.spec;
  for (NicSpec& nic : spec.nics) nic.host_device.clear();
  return make_domain(context, kept, spec, arrival_name(spec.uuid, kept.migration),
                     places_of_arrival(kept), create);
}

// The domain becomes the VM's. May be done again when it was interrupted. What goes wrong with
// names keeps no guest from running.
void LibxlDriver::take_arrival(Context& context, Found& found, bool paused) {
  Kept& kept = *found.kept;
  for (NicSpec& nic : kept.spec.nics) name_backend(found.domid, nic, kept.spec.type);
  const std::string display = places_of_arrival(kept).vnc_socket;
  if (!display.empty()) rename(display.c_str(), places_for(kept.spec).vnc_socket.c_str());
  std::string name = kept.spec.name.empty() ? kept.spec.uuid : kept.spec.name;
  std::uint32_t holder = 0;
  if (libxl_name_to_domid(context, name.c_str(), &holder) == 0 && holder != found.domid)
    name = kept.spec.uuid;
  libxl_domain_rename(context, found.domid, nullptr, name.c_str());
  mend_vm_nodes(kept, name);
  const int code = paused ? 0 : libxl_domain_unpause(context, found.domid, nullptr);
  kept.standing = Standing::own;
  kept.migration.clear();
  write_kept(context, found.domid, kept);
  context.check(code, "VM " + found.uuid + " has arrived and cannot be unpaused");
  if (!paused) found.paused = false;
}

// What a daemon that was killed left of migrations. The domain it was moved from goes on unless it
// had been let go; what had not arrived whole is removed. One that had arrived whole from a host
// that may or may not have let it go is kept, paused.
void LibxlDriver::sort_out_migrations(Context& context, const std::vector<LeftOver>& left) {
  std::set<std::string> sent;
  for (const LeftOver& one : left)
    if (one.pending.kind == PendingKind::send) sent.insert(one.pending.migration);
  for (const Found& found : every(context))
    if (found.kept && found.kept->standing == Standing::leaving) take_down(context, found.domid);
  for (const LeftOver& one : left) {
    const Pending& pending = one.pending;
    if (pending.kind != PendingKind::receive) continue;
    for (Found& found : every(context)) {
      if (found.uuid != pending.uuid) continue;
      if (!found.kept) {
        const Allocated<char> name(libxl_domid_to_name(context, found.domid));
        if (!name || name.get() == arrival_name(pending.uuid, pending.migration))
          take_down(context, found.domid);
        continue;
      }
      if (found.kept->migration != pending.migration) continue;
      const bool told = found.kept->standing == Standing::arrived;
      if (!told && find(context, pending.uuid))
        take_down(context, found.domid);
      else
        take_arrival(context, found,
                     told ? found.kept->arrives_paused : !sent.contains(pending.migration));
    }
  }
}

}  // namespace xcp::hypervisor::libxl
