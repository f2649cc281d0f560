// SPDX-License-Identifier: GPL-2.0-or-later
// Plans of SR and VDI operations. As all plans they change devices only; the records follow in one
// commit of the handler. A disk that a plan made and whose commit never came is found by SR.scan.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/plan.hpp"
#include "xapi/context.hpp"

namespace xcp::xapi {

// ---- SRs --------------------------------------------------------------------------------------

// What the storage daemon told about an SR at one moment.
struct SrContent {
  std::vector<sm::VdiInfo> vdis;
  sm::SrState state;
};
SrContent read_sr(sm::Storage& storage, const std::string& sr);

// How a host reaches an SR, as the storage daemon wants to be told.
sm::SrSpec sr_spec(const db::Object<model::SR>& sr, const db::Object<model::PBD>& pbd);

// Makes the SR, plugs it and reads what is in it.
Plan create_sr_plan(Services& services, const sm::SrSpec& spec, std::int64_t size,
                    std::shared_ptr<SrContent> content);
// Plugs an unplugged SR and removes it with all its content; only plugging it can be taken back.
Plan destroy_sr_plan(Services& services, const sm::SrSpec& spec);
Plan plug_pbd_plan(Services& services, const sm::SrSpec& spec, std::shared_ptr<SrContent> content);
Plan unplug_pbd_plan(Services& services, const sm::SrSpec& spec);
Plan scan_sr_plan(Services& services, const std::string& sr, std::shared_ptr<SrContent> content);

// ---- VDIs -------------------------------------------------------------------------------------

// A disk that a plan made or changed, and how its SR is filled with it.
struct StoredDisk {
  sm::VdiInfo info;
  sm::SrState sr;
};
using StoredDiskPtr = std::shared_ptr<StoredDisk>;

// Asked by long steps; true: stop.
using Cancelled = std::function<bool()>;

// `spec.uuid` is set; so are the uuids of `names` below.
Plan create_vdi_plan(Services& services, const std::string& sr, const sm::VdiSpec& spec,
                     const Cancelled& cancelled, StoredDiskPtr made);
Plan copy_vdi_plan(Services& services, const std::string& from_sr, const std::string& vdi,
                   const std::string& to_sr, const sm::VdiSpec& names, const Cancelled& cancelled,
                   StoredDiskPtr made);
Plan destroy_vdi_plan(Services& services, const std::string& sr, const std::string& vdi,
                      StoredDiskPtr gone);
Plan resize_vdi_plan(Services& services, const std::string& sr, const std::string& vdi,
                     std::int64_t virtual_size, StoredDiskPtr changed);
Plan revert_vdi_plan(Services& services, const std::string& sr, const std::string& vdi,
                     const std::string& snapshot, StoredDiskPtr changed);
// `before`: what to set again when recording it fails.
Plan set_vdi_plan(Services& services, const std::string& sr, const std::string& vdi,
                  const sm::Config& changes, const sm::Config& before, StoredDiskPtr changed);

// ---- branching --------------------------------------------------------------------------------

enum class Branch { snapshot, clone };

// A disk to branch, and what came of it.
struct BranchedDisk {
  Ref<model::VDI> origin;
  std::string label;  // in the name of its step
  sm::VdiSpec names;  // uuid is set
  StoredDiskPtr made;
};

// The VMs that may be writing to the disk. Whether they do is asked when it matters: the records of
// a guest that nobody has looked at yet may be wrong.
std::set<Ref<model::VM>> possible_writers(const db::Snapshot& view, const Ref<model::VDI>& disk);

// "snapshot disk <label>" or "clone disk <label>" for each. A disk that a guest writes to has a new
// image from then on, while the guest goes on with the old one until a step switches it: that is
// the moment the branches show, and until then they may still change. An undo removes the branch
// and switches the guest.
void add_branch_steps(Plan& plan, Services& services, const db::Snapshot& view, Branch kind,
                      const std::vector<BranchedDisk>& disks);
// "switch images": every guest that writes to one of the disks, all its disks at one moment.
void add_switch_step(Plan& plan, Services& services, const db::Snapshot& view,
                     const std::vector<BranchedDisk>& disks);
Plan branch_vdi_plan(Services& services, const db::Snapshot& view, Branch kind,
                     const BranchedDisk& disk);

// The images that a running guest should write to and does not, by device: for
// Hypervisor::switch_images. Only disks it can write to are looked at.
std::map<std::string, hypervisor::DiskSpec> stale_images(Services& services,
                                                         const db::Snapshot& view,
                                                         const db::Object<model::VM>& vm,
                                                         const hypervisor::DomainState& domain);

// A daemon's failure names SRs, VDIs and VMs by uuid, XenAPI by reference.
Failure in_api_terms(const db::Snapshot& view, const Failure& failure);

}  // namespace xcp::xapi
