// SPDX-License-Identifier: GPL-2.0-or-later
// Start, stop and the reading half of the driver; see libvirt_driver.hpp.
#include "hypervisor/libvirt/libvirt_driver.hpp"

#include <libvirt/virterror.h>

#include <algorithm>
#include <charconv>
#include <filesystem>

#include "base/fd.hpp"
#include "hypervisor/libvirt/kvm_probe.hpp"
#include "hypervisor/libvirt/monitor_drain.hpp"
#include "hypervisor/libvirt/names.hpp"
#include "hypervisor/machine.hpp"

namespace xcp::hypervisor::libvirt {

namespace {

constexpr const char* emulator_places[] = {"/usr/bin/qemu-system-x86_64", "/usr/bin/qemu-kvm",
                                           "/usr/libexec/qemu-kvm"};

struct FirmwareFiles {
  const char* code;
  const char* vars;
};
constexpr FirmwareFiles uefi_places[] = {
    {"/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"},
    {"/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"},
    {"/usr/share/edk2/ovmf/OVMF_CODE.fd", "/usr/share/edk2/ovmf/OVMF_VARS.fd"}};

// A bridge of the kernel has a directory "bridge" in sysfs; what else carries ports is Open
// vSwitch's.
bool is_openvswitch(const std::string& bridge) {
  const std::string device = "/sys/class/net/" + bridge;
  return exists(device) && !exists(device + "/bridge");
}

std::string option(const DriverSettings& settings, const char* name) {
  const auto found = settings.options.find(name);
  return found == settings.options.end() ? std::string() : found->second;
}

std::string find_emulator(const DriverSettings& settings) {
  const std::string chosen = option(settings, "emulator");
  if (!chosen.empty()) return chosen;
  for (const char* place : emulator_places)
    if (exists(place)) return place;
  throw internal_error("QEMU is not installed (looked for " + std::string(emulator_places[0]) +
                       ")");
}

bool choose_acceleration(const DriverSettings& settings, const std::string& emulator) {
  switch (settings.emulator_acceleration) {
    case Acceleration::tcg:
      return false;
    case Acceleration::kvm:
      return true;
    case Acceleration::automatic:
      return kvm_works(emulator, settings.state_dir);
  }
  return false;
}

std::string version_text(unsigned long version) {
  return std::to_string(version / 1000000) + "." + std::to_string(version / 1000 % 1000) + "." +
         std::to_string(version % 1000);
}

const DriverSettings& checked(const DriverSettings& settings) {
  if (!settings.state_dir.starts_with('/'))
    throw internal_error("the libvirt driver needs an absolute state directory");
  for (const char* part : {"", "/sockets", "/consoles", "/nvram", "/pending"})
    std::filesystem::create_directories(settings.state_dir + part);
  // QEMU, which runs as another user under libvirtd, must reach its guest's variables.
  std::filesystem::permissions(
      settings.state_dir + "/nvram",
      std::filesystem::perms::group_exec | std::filesystem::perms::others_exec,
      std::filesystem::perm_options::add);
  return settings;
}

}  // namespace

LibvirtDriver::LibvirtDriver(const DriverSettings& settings)
    : settings_(checked(settings)),
      short_state_dir_(settings.state_dir),
      consoles_(settings.state_dir + "/consoles"),
      agents_([this](const std::string& uuid) { return ask_agent(uuid); },
              [this](const std::string& uuid) { events_.append(EventKind::guest_facts, uuid); },
              {option_ms("agent_eager_ms", std::chrono::seconds(2)),
               option_ms("agent_calm_ms", std::chrono::seconds(30))}) {
  host_view_.emulator = find_emulator(settings_);
  host_view_.accelerated = choose_acceleration(settings_, host_view_.emulator);
  host_view_.socket_directory = short_state_dir_.str() + "/sockets";
  host_view_.is_block_device = is_block_device;
  host_view_.is_openvswitch = is_openvswitch;
  for (const FirmwareFiles& place : uefi_places) {
    if (!host_view_.uefi_code.empty() || !exists(place.code) || !exists(place.vars)) continue;
    host_view_.uefi_code = place.code;
    uefi_vars_ = place.vars;
  }
  const std::string uri = settings_.uri.empty()
                              ? "qemu:///embed?root=" + short_state_dir_.str() + "/libvirt"
                              : settings_.uri;
  const auto root = embedded_root(uri);
  if (root) {
    run_directory_ = *root + "/run/qemu";
    reaper_.emplace();
    forget_dead_domains(run_directory_);
    drain_monitors(monitor_sockets(run_directory_), std::chrono::seconds(10));
  }
  connection_ = std::make_unique<Connection>(
      uri, [this](virConnectPtr connection) { return register_callbacks(connection); });
  clear_left_over();
  adopt_running();
  tidier_ = std::thread([this] { tidy(); });
}

LibvirtDriver::~LibvirtDriver() {
  events_.close();
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  tidy_.notify_all();
  tidier_.join();
  agents_.stop();
  connection_.reset();
  try {
    write_file_durably(settings_.state_dir + "/clean", "");
  } catch (const Failure&) {
    // The next start looks around more than it had to.
  }
}

std::chrono::milliseconds LibvirtDriver::option_ms(const char* name,
                                                   std::chrono::milliseconds otherwise) const {
  const std::string text = option(settings_, name);
  int number = 0;
  const auto [at, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && number > 0 ? std::chrono::milliseconds(number) : otherwise;
}

// ---- finding ----------------------------------------------------------------------------------

DomainView LibvirtDriver::view_of(virDomainPtr domain, const std::string& uuid) {
  const Text xml(virDomainGetXMLDesc(domain, 0));
  if (!xml) throw libvirt_failure("cannot read the description of VM", uuid);
  DomainView view = read_domain(xml.get());
  std::lock_guard lock(mutex_);
  if (const auto strays = stray_disks_.find(view.state.uuid); strays != stray_disks_.end())
    for (const StrayDisk& stray : strays->second) view.state.disks.push_back(stray.spec);
  return view;
}

DomainPower LibvirtDriver::power_of(virDomainPtr domain) {
  int state = VIR_DOMAIN_NOSTATE;
  virDomainGetState(domain, &state, nullptr, 0);
  switch (state) {
    case VIR_DOMAIN_RUNNING:
    case VIR_DOMAIN_BLOCKED:
    case VIR_DOMAIN_SHUTDOWN:
      return DomainPower::running;
    default:
      return DomainPower::paused;
  }
}

std::optional<LibvirtDriver::Found> LibvirtDriver::find_ours(const std::string& uuid) {
  DomainHandle handle = connection_->find(uuid);
  if (!handle || virDomainIsActive(handle.get()) != 1) return std::nullopt;
  DomainView view = view_of(handle.get(), uuid);
  if (!view.state.ours)
    throw Failure("OPERATION_NOT_ALLOWED", {"domain " + view.state.name +
                                            " was not made by this toolstack and is left alone"});
  return Found{std::move(handle), std::move(view)};
}

LibvirtDriver::Found LibvirtDriver::require(const std::string& uuid) {
  auto found = find_ours(uuid);
  if (!found) throw Failure("DOMAIN_NOT_FOUND", {uuid});
  return std::move(*found);
}

// ---- reading ----------------------------------------------------------------------------------

HostFacts LibvirtDriver::host() {
  const auto connection = connection_->get();
  unsigned long qemu = 0;
  unsigned long library = 0;
  virConnectGetVersion(connection.get(), &qemu);
  virConnectGetLibVersion(connection.get(), &library);
  const HostMemory memory = read_memory(read_file("/proc/meminfo").value_or(""));
  HostFacts facts;
  facts.driver = "libvirt";
  facts.accelerated = host_view_.accelerated;
  facts.hypervisor = "QEMU " + version_text(qemu) + (host_view_.accelerated ? " (KVM)" : " (TCG)");
  facts.versions = {{"qemu", version_text(qemu)}, {"libvirt", version_text(library)}};
  facts.memory_total_bytes = memory.total_bytes;
  facts.memory_free_bytes = std::max<std::int64_t>(0, memory.free_bytes - promised_bytes());
  facts.cpu = read_cpu(read_file("/proc/cpuinfo").value_or(""));
  facts.capabilities = {"hvm-1.0-hvm-x86_32", "hvm-1.0-hvm-x86_64"};
  facts.can_suspend = true;
  facts.can_checkpoint = true;
  facts.can_migrate = false;
  return facts;
}

std::vector<DomainState> LibvirtDriver::domains() {
  std::vector<DomainState> states;
  for (const DomainHandle& domain : connection_->all()) {
    try {
      DomainState state = view_of(domain.get(), "").state;
      state.power = power_of(domain.get());
      state.busy = locks_.in_use(state.uuid);
      states.push_back(std::move(state));
    } catch (const Failure& failure) {
      if (failure.code() != "DOMAIN_NOT_FOUND") throw;  // it ended while we listed
    }
  }
  return states;
}

std::optional<DomainState> LibvirtDriver::domain(std::string uuid) {
  const DomainHandle handle = connection_->find(uuid);
  if (!handle || virDomainIsActive(handle.get()) != 1) return std::nullopt;
  DomainState state = view_of(handle.get(), uuid).state;
  state.power = power_of(handle.get());
  state.busy = locks_.in_use(uuid);
  return state;
}

GuestFacts LibvirtDriver::guest(std::string uuid) {
  if (!domain(uuid)) throw Failure("DOMAIN_NOT_FOUND", {uuid});
  return agents_.facts(uuid);
}

UniqueFd LibvirtDriver::console(std::string uuid, ConsoleKind kind) {
  const Found found = require(uuid);
  switch (kind) {
    case ConsoleKind::serial:
      if (found.view.serial_socket.empty())
        throw Failure("VALUE_NOT_SUPPORTED",
                      {"console", "serial", "the domain has no such console"});
      consoles_.watch(uuid, found.view.serial_socket);
      return consoles_.open(uuid);
    case ConsoleKind::vnc:
      if (found.view.vnc_socket.empty())
        throw Failure("VALUE_NOT_SUPPORTED", {"console", "vnc", "the domain has no such console"});
      if (auto socket = connect_unix(found.view.vnc_socket)) return std::move(*socket);
      throw internal_error("nobody serves the VNC display of VM " + uuid);
  }
  throw internal_error("unknown kind of console");
}

// libvirt moves guests between two hosts only, over a protocol and ports of its own.
void LibvirtDriver::migrate_send(std::string uuid, UniqueFd, SendOptions) {
  throw Failure("NOT_IMPLEMENTED", {"migration of VM " + uuid + " by the libvirt driver"});
}

DomainState LibvirtDriver::migrate_receive(UniqueFd, ReceiveOptions) {
  throw Failure("NOT_IMPLEMENTED", {"migration to a host with the libvirt driver"});
}

EventBatch LibvirtDriver::events(std::string epoch, std::uint64_t after,
                                 std::chrono::milliseconds timeout) {
  return events_.read(epoch, after, timeout);
}

std::string LibvirtDriver::control(std::string command, std::map<std::string, std::string>) {
  throw Failure("NOT_IMPLEMENTED", {"control " + command});
}

}  // namespace xcp::hypervisor::libvirt

extern "C" xcp::hypervisor::Hypervisor* xcp_hypervisor_driver(
    const xcp::hypervisor::DriverSettings& settings) {
  return new xcp::hypervisor::libvirt::LibvirtDriver(settings);
}
