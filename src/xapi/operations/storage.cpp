// SPDX-License-Identifier: GPL-2.0-or-later
// Operations of VDIs and SRs: what the SR's driver can do (SM.features), whether it is plugged, and
// whether a guest has the disk open.
#include <algorithm>

#include "xapi/operations/operations.hpp"

namespace xcp::xapi {

using model::PBD;
using model::SM;
using model::SR;
using model::VBD;
using model::VDI;

bool is_plugged(const db::Snapshot& view, const db::Object<SR>& sr) {
  for (const Ref<PBD>& ref : sr[SR::PBDs])
    if (const auto pbd = view.find(ref); pbd && (*pbd)[PBD::currently_attached]) return true;
  return false;
}

namespace {

bool has_feature(const db::Snapshot& view, const std::string& sr_type, std::string_view feature) {
  const auto driver =
      view.find_if<SM>([&](const db::Object<SM>& sm) { return sm[SM::type] == sr_type; });
  if (!driver) return false;
  const auto features = (*driver)[SM::features];
  return features.contains(std::string(feature));
}

std::optional<std::string> user_of(const db::Snapshot& view, const db::Object<VDI>& vdi) {
  for (const Ref<VBD>& ref : vdi[VDI::VBDs])
    if (const auto vbd = view.find(ref); vbd && (*vbd)[VBD::currently_attached]) return ref.str();
  return std::nullopt;
}

// What somebody who is just opening the disk does.
std::optional<Failure> being_opened(const db::Snapshot& view, const db::Object<VDI>& vdi) {
  for (const Ref<VBD>& ref : vdi[VDI::VBDs]) {
    const auto vbd = view.find(ref);
    if (!vbd) continue;
    if (auto failure = busy(*vbd)) return failure;
    const auto vm = view.find((*vbd)[VBD::VM]);
    if (!vm) continue;
    for (const auto& [task, running] : (*vm)[model::VM::current_operations])
      if (opens_disks(running))
        return Failure("OTHER_OPERATION_IN_PROGRESS",
                       {"VM", vm->ref().str(), std::string(model::to_string(running)), task});
  }
  return std::nullopt;
}

// Leaves the disk's image alone.
bool is_harmless(model::VdiOperations operation) {
  return operation == model::VdiOperations::Update;
}

// The SM feature an operation needs; empty: none.
std::string_view needed_feature(model::VdiOperations operation) {
  using Op = model::VdiOperations;
  switch (operation) {
    case Op::Clone:
      return "VDI_CLONE";
    case Op::Snapshot:
      return "VDI_SNAPSHOT";
    case Op::Resize:
      return "VDI_RESIZE";
    case Op::ResizeOnline:
      return "VDI_RESIZE_ONLINE";
    case Op::Destroy:
      return "VDI_DELETE";
    case Op::Mirror:
      return "VDI_MIRROR";
    case Op::EnableCbt:
    case Op::DisableCbt:
    case Op::DataDestroy:
    case Op::ListChangedBlocks:
      return "VDI_CONFIG_CBT";
    case Op::SetOnBoot:
      return "VDI_RESET_ON_BOOT";
    case Op::GenerateConfig:
      return "VDI_GENERATE_CONFIG";
    case Op::RevertTo:
    case Op::RevertFrom:
      return "VDI_REVERT";
    case Op::Update:
      return "VDI_UPDATE";
    case Op::Copy:
    case Op::Forget:
    case Op::ForceUnlock:
    case Op::Blocked:
      return "";
  }
  return "";
}

std::string_view needed_feature(model::StorageOperations operation) {
  using Op = model::StorageOperations;
  switch (operation) {
    case Op::VdiCreate:
      return "VDI_CREATE";
    case Op::VdiDestroy:
      return "VDI_DELETE";
    case Op::VdiResize:
      return "VDI_RESIZE";
    case Op::VdiClone:
      return "VDI_CLONE";
    case Op::VdiSnapshot:
      return "VDI_SNAPSHOT";
    case Op::VdiMirror:
      return "VDI_MIRROR";
    case Op::VdiResizeOnline:
      return "VDI_RESIZE_ONLINE";
    case Op::VdiEnableCbt:
    case Op::VdiDisableCbt:
    case Op::VdiDataDestroy:
    case Op::VdiListChangedBlocks:
      return "VDI_CONFIG_CBT";
    case Op::VdiSetOnBoot:
      return "VDI_RESET_ON_BOOT";
    case Op::VdiGenerateConfig:
      return "VDI_GENERATE_CONFIG";
    case Op::VdiUpdate:
      return "VDI_UPDATE";
    case Op::VdiRevert:
      return "VDI_REVERT";
    case Op::Scan:
    case Op::Destroy:
    case Op::Forget:
    case Op::Plug:
    case Op::Unplug:
    case Op::Update:
    case Op::VdiCopy:
    case Op::VdiForget:
    case Op::VdiIntroduce:  // whatever a scan finds can be introduced
    case Op::PbdCreate:
    case Op::PbdDestroy:
      return "";
    case Op::VdiBlocked:
    case Op::VdiForceUnlock:
      return "none has it";
  }
  return "";
}

}  // namespace

bool sr_has_feature(const db::Snapshot& view, const Ref<SR>& sr, std::string_view feature) {
  const auto object = view.find(sr);
  return object && has_feature(view, (*object)[SR::type], feature);
}

std::optional<Failure> refusal(const db::Snapshot& view, const db::Object<VDI>& vdi,
                               model::VdiOperations operation) {
  using Op = model::VdiOperations;
  const std::string ref = vdi.ref().str();
  if (auto failure = busy(vdi)) return failure;
  const auto sr = view.find(vdi[VDI::SR]);
  if (!sr) return Failure("HANDLE_INVALID", {"SR", vdi[VDI::SR].str()});
  const std::string_view feature = needed_feature(operation);
  if (operation == Op::Blocked || operation == Op::ForceUnlock ||
      (!feature.empty() && !has_feature(view, (*sr)[SR::type], feature)))
    return Failure("SR_OPERATION_NOT_SUPPORTED", {sr->ref().str()});
  if (!vdi[VDI::managed] && operation != Op::Destroy && operation != Op::Forget)
    return Failure("VDI_NOT_MANAGED", {ref});
  if (!is_harmless(operation))
    if (auto failure = being_opened(view, vdi)) return failure;
  if (operation == Op::Forget) {
    if (const auto user = user_of(view, vdi)) return Failure("VDI_IN_USE", {ref, "forget"});
    return std::nullopt;
  }
  if (!is_plugged(view, *sr)) return Failure("SR_HAS_NO_PBDS", {sr->ref().str()});
  if (vdi[VDI::missing] && operation != Op::Destroy)
    return Failure("VDI_MISSING", {sr->ref().str(), ref});
  if (vdi[VDI::sharable] && (operation == Op::Snapshot || operation == Op::Clone))
    return Failure("OPERATION_NOT_ALLOWED",
                   {"The disk may be written by several VMs at a time; it can only be copied"});
  const bool needs_idle = operation == Op::Destroy || operation == Op::Resize ||
                          operation == Op::Copy || operation == Op::DataDestroy ||
                          operation == Op::RevertTo || operation == Op::SetOnBoot;
  if (needs_idle && user_of(view, vdi))
    return Failure("VDI_IN_USE", {ref, std::string(model::to_string(operation))});
  if (operation == Op::Resize && vdi[VDI::is_a_snapshot]) return Failure("VDI_READONLY", {ref});
  return std::nullopt;
}

std::optional<Failure> refusal(const db::Snapshot& view, const db::Object<SR>& sr,
                               model::StorageOperations operation) {
  using Op = model::StorageOperations;
  const std::string ref = sr.ref().str();
  const bool exclusive =
      operation == Op::Destroy || operation == Op::Forget || operation == Op::Unplug;
  for (const auto& [task, running] : sr[SR::current_operations]) {
    const bool running_exclusive = running == Op::Destroy || running == Op::Forget ||
                                   running == Op::Plug || running == Op::Unplug;
    const bool twice = operation == Op::Scan && running == Op::Scan;
    if (running_exclusive || exclusive || twice)
      return Failure("OTHER_OPERATION_IN_PROGRESS",
                     {"SR", ref, std::string(model::to_string(running)), task});
  }
  const std::string_view feature = needed_feature(operation);
  if (!feature.empty() && !has_feature(view, sr[SR::type], feature))
    return Failure("SR_OPERATION_NOT_SUPPORTED", {ref});
  const bool plugged = is_plugged(view, sr);
  const bool needs_unplugged = operation == Op::Destroy || operation == Op::Forget;
  if (needs_unplugged && plugged) return Failure("SR_HAS_PBD", {ref});
  const bool needs_plugged =
      operation == Op::Scan || operation == Op::VdiCreate || operation == Op::VdiDestroy ||
      operation == Op::VdiClone || operation == Op::VdiSnapshot || operation == Op::VdiResize ||
      operation == Op::VdiCopy || operation == Op::VdiRevert || operation == Op::VdiUpdate ||
      operation == Op::VdiIntroduce || operation == Op::Update;
  if (needs_plugged && !plugged) return Failure("SR_HAS_NO_PBDS", {ref});
  return std::nullopt;
}

}  // namespace xcp::xapi
