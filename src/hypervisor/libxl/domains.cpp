// SPDX-License-Identifier: GPL-2.0-or-later
// Domains of the libxl driver as they are: finding them, the record kept with ours, their state.
#include "base/describe.hpp"
#include "hypervisor/libxl/libxl_driver.hpp"

namespace xcp::hypervisor::libxl {

namespace {

constexpr const char* record_name = "xcp";

}  // namespace

void require_right_to(const Kept& kept, Caller caller) {
  if (caller != Caller::root && !kept.configuration.empty())
    throw Failure("OPERATION_NOT_ALLOWED", {"VM " + kept.spec.uuid +
                                            " comes with a configuration of xl's, which only root "
                                            "may bring; use xl restore or xl migrate"});
}

std::optional<Kept> LibxlDriver::read_kept(Context& context, std::uint32_t domid) const {
  std::uint8_t* bytes = nullptr;
  int size = 0;
  if (libxl_userdata_retrieve(context, domid, record_name, &bytes, &size) != 0 || bytes == nullptr)
    return std::nullopt;
  const Allocated<std::uint8_t> held(bytes);
  const std::string text(reinterpret_cast<char*>(bytes), static_cast<std::size_t>(size));
  Kept kept = from_json<Kept>(parse_json(text));
  if (kept.owner != settings_.state_dir) return std::nullopt;
  return kept;
}

void LibxlDriver::write_kept(Context& context, std::uint32_t domid, Kept kept) const {
  kept.owner = settings_.state_dir;
  const std::string text = json_text(to_json(kept));
  context.check(libxl_userdata_store(context, domid, record_name,
                                     reinterpret_cast<const std::uint8_t*>(text.data()),
                                     static_cast<int>(text.size())),
                "cannot keep the record of VM " + kept.spec.uuid);
}

LibxlDriver::Found LibxlDriver::read_found(Context& context, const libxl_dominfo& info) const {
  Found found;
  found.domid = info.domid;
  found.uuid = uuid_text(info.uuid);
  found.paused = info.paused;
  found.stopped = info.shutdown;
  found.stop_reason = static_cast<int>(info.shutdown_reason);
  // What goes beyond whole mebibytes are pages of the machine's own: tables, rings.
  found.memory_bytes =
      static_cast<std::int64_t>((info.current_memkb + info.outstanding_memkb) >> 10) << 20;
  found.vcpus = info.vcpu_online;
  found.kept = read_kept(context, info.domid);
  return found;
}

std::vector<LibxlDriver::Found> LibxlDriver::every(Context& context) const {
  int count = 0;
  libxl_dominfo* list = libxl_list_domain(context, &count);
  if (list == nullptr) throw context.failure("cannot list the domains", ERROR_FAIL);
  std::vector<Found> found;
  for (int i = 0; i < count; ++i)
    if (list[i].domid != 0 && !list[i].dying) found.push_back(read_found(context, list[i]));
  libxl_dominfo_list_free(list, count);
  return found;
}

// Of the domains of one VM that is being moved only its own is seen. The other one may be without a
// record as yet, or another daemon's.
std::vector<LibxlDriver::Found> LibxlDriver::all(Context& context) {
  std::vector<Found> found = every(context);
  std::set<std::string> hidden;
  {
    std::lock_guard lock(mutex_);
    hidden = arriving_;
  }
  for (const Found& one : found)
    if (one.kept && one.kept->standing == Standing::own) hidden.insert(one.uuid);
  std::erase_if(found, [&](const Found& one) {
    return one.kept ? one.kept->standing != Standing::own : hidden.contains(one.uuid);
  });
  return found;
}

std::optional<LibxlDriver::Found> LibxlDriver::find(Context& context, const std::string& uuid) {
  int count = 0;
  libxl_dominfo* list = libxl_list_domain(context, &count);
  if (list == nullptr) throw context.failure("cannot list the domains", ERROR_FAIL);
  std::optional<Found> own;
  std::optional<Found> other;
  for (int i = 0; i < count && !own; ++i) {
    if (list[i].domid == 0 || list[i].dying || uuid_text(list[i].uuid) != uuid) continue;
    Found one = read_found(context, list[i]);
    if (!one.kept)
      other = std::move(one);
    else if (one.kept->standing == Standing::own)
      own = std::move(one);
  }
  libxl_dominfo_list_free(list, count);
  if (own) return own;
  std::lock_guard lock(mutex_);
  return arriving_.contains(uuid) ? std::nullopt : other;
}

std::optional<LibxlDriver::Found> LibxlDriver::find_number(Context& context,
                                                           std::uint32_t domid) const {
  libxl_dominfo info;
  libxl_dominfo_init(&info);
  std::optional<Found> found;
  if (libxl_domain_info(context, &info, domid) == 0 && !info.dying)
    found = read_found(context, info);
  libxl_dominfo_dispose(&info);
  return found;
}

std::optional<LibxlDriver::Found> LibxlDriver::find_ours(Context& context,
                                                         const std::string& uuid) {
  auto found = find(context, uuid);
  if (!found) return std::nullopt;
  if (!found->kept)
    throw Failure("OPERATION_NOT_ALLOWED", {"domain " + std::to_string(found->domid) +
                                            " was not made by this toolstack and is left alone"});
  return found;
}

LibxlDriver::Found LibxlDriver::require(Context& context, const std::string& uuid) {
  auto found = find_ours(context, uuid);
  if (!found) throw Failure("DOMAIN_NOT_FOUND", {uuid});
  return std::move(*found);
}

DomainState LibxlDriver::state_of(Context& context, const Found& found) {
  DomainState state;
  state.uuid = found.uuid;
  state.domid = found.domid;
  state.power = found.paused ? DomainPower::paused : DomainPower::running;
  state.memory_bytes = found.memory_bytes;
  state.busy = locks_.in_use(found.uuid);
  if (!found.kept) {
    const Allocated<char> name(libxl_domid_to_name(context, found.domid));
    state.name = name ? name.get() : "";
    state.vcpus = found.vcpus;
    std::lock_guard lock(mutex_);
    state.ours = building_.contains(found.uuid);
    return state;
  }
  const VmSpec& spec = found.kept->spec;
  state.name = spec.name;
  state.vcpus = spec.vcpus;
  state.disks = spec.disks;
  state.nics = spec.nics;
  for (NicSpec& nic : state.nics)
    if (nic.host_device.empty())
      nic.host_device = "vif" + std::to_string(found.domid) + "." + nic.device;
  state.start_time = found.kept->start_time;
  return state;
}

std::vector<DomainState> LibxlDriver::domains() {
  Context context;
  std::vector<DomainState> states;
  std::map<std::string, DomainState> between;
  {
    std::lock_guard lock(mutex_);
    between = restarting_;
  }
  for (const Found& found : all(context)) {
    states.push_back(state_of(context, found));
    between.erase(found.uuid);
  }
  for (auto& [uuid, state] : between) states.push_back(std::move(state));
  return states;
}

std::optional<DomainState> LibxlDriver::domain(std::string uuid) {
  Context context;
  std::optional<DomainState> between;
  {
    std::lock_guard lock(mutex_);
    if (const auto known = restarting_.find(uuid); known != restarting_.end())
      between = known->second;
  }
  const auto found = find(context, uuid);
  if (!found) return between;
  return state_of(context, *found);
}

}  // namespace xcp::hypervisor::libxl
