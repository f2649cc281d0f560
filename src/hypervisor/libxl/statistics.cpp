// SPDX-License-Identifier: GPL-2.0-or-later
// What the libxl driver counts: the host, and the time and traffic of domains. Traffic of a disk
// that the kernel serves is in sysfs; that of one that QEMU serves is asked of QEMU.
#include <charconv>
#include <sstream>

#include "base/fd.hpp"
#include "hypervisor/libxl/facts_of_guests.hpp"
#include "hypervisor/libxl/libxl_driver.hpp"
#include "hypervisor/libxl/qemu_traffic.hpp"
#include "hypervisor/machine.hpp"

namespace xcp::hypervisor::libxl {

namespace {

constexpr std::int64_t page_bytes = 4096;
constexpr std::int64_t sector_bytes = 512;

std::int64_t number_in(const std::string& path) {
  const auto text = read_file(path);
  std::int64_t number = 0;
  if (text) std::from_chars(text->data(), text->data() + text->size(), number);
  return number;
}

// What QEMU's monitor answers; "" when it does not.
std::string ask_qemu(libxl_ctx* context, std::uint32_t domid, const char* command) {
  char* said = nullptr;
  libxl_qemu_monitor_command(context, domid, command, &said, nullptr);
  const Allocated<char> owner(said);
  return said != nullptr ? said : "";
}

bool is_served_by_qemu(libxl_ctx* context, std::uint32_t domid, const std::string& name) {
  DiskDevice device;
  return libxl_vdev_to_device_disk(context, domid, name.c_str(), &device.value) == 0 &&
         device.value.backend == LIBXL_DISK_BACKEND_QDISK;
}

DomainStats::Io io_of_kernel(std::uint32_t domid, int number) {
  DomainStats::Io io;
  const std::string base = "/sys/bus/xen-backend/devices/vbd-" + std::to_string(domid) + "-" +
                           std::to_string(number) + "/statistics/";
  io.read_bytes = number_in(base + "rd_sect") * sector_bytes;
  io.write_bytes = number_in(base + "wr_sect") * sector_bytes;
  io.read_ops = number_in(base + "rd_req");
  io.write_ops = number_in(base + "wr_req");
  return io;
}

// How Xen numbers xvda and on: 202:16n, and beyond the sixteenth in its extended way.
int device_number(int disk) {
  constexpr int major = 202 << 8;
  constexpr int extended = 1 << 28;
  return disk < 16 ? major | disk << 4 : extended | disk << 8;
}

// Of the first ones: those that the guest has, whether it has brought them up or not.
std::vector<double> time_of_vcpus(libxl_ctx* context, std::uint32_t domid, std::int64_t vcpus) {
  int count = 0;
  int cpus = 0;
  std::vector<double> times;
  libxl_vcpuinfo* list = libxl_list_vcpu(context, domid, &count, &cpus);
  for (int i = 0; list != nullptr && i < count && i < vcpus; ++i)
    times.push_back(static_cast<double>(list[i].vcpu_time) / 1e9);
  if (list != nullptr) libxl_vcpuinfo_list_free(list, count);
  return times;
}

std::string version_text(const libxl_version_info& version) {
  return std::to_string(version.xen_version_major) + "." +
         std::to_string(version.xen_version_minor);
}

}  // namespace

HostFacts LibxlDriver::host() {
  Context context;
  const libxl_version_info* version = libxl_get_version_info(context);
  if (version == nullptr) throw context.failure("cannot read the version of Xen", ERROR_FAIL);
  libxl_physinfo machine;
  libxl_physinfo_init(&machine);
  context.check(libxl_get_physinfo(context, &machine), "cannot read what this host has");
  HostFacts facts;
  facts.driver = "libxl";
  facts.hypervisor = "Xen " + version_text(*version);
  facts.versions = {{"xen", version_text(*version) + version->xen_version_extra},
                    {"xen_commandline", version->commandline}};
  facts.memory_total_bytes = static_cast<std::int64_t>(machine.total_pages) * page_bytes;
  facts.memory_free_bytes =
      static_cast<std::int64_t>(machine.free_pages + machine.scrub_pages) * page_bytes;
  facts.cpu = read_cpu(read_file("/proc/cpuinfo").value_or(""));
  facts.cpu["cpu_count"] = std::to_string(machine.nr_cpus);
  std::istringstream words(version->capabilities);
  for (std::string word; words >> word;) facts.capabilities.push_back(word);
  facts.can_suspend = true;
  facts.can_checkpoint = true;
  facts.can_migrate = true;
  facts.accelerated = true;
  libxl_physinfo_dispose(&machine);
  return facts;
}

GuestFacts LibxlDriver::guest(std::string uuid) {
  Context context;
  const auto found = find(context, uuid);
  if (!found) throw Failure("DOMAIN_NOT_FOUND", {uuid});
  return read_guest(Xenstore(), found->domid);
}

std::vector<DomainStats> LibxlDriver::stats() {
  Context context;
  const Xenstore xenstore;
  std::vector<DomainStats> all_stats;
  for (const Found& found : all(context)) {
    if (!found.kept) continue;
    DomainStats stats;
    stats.uuid = found.uuid;
    stats.memory_bytes = found.memory_bytes;
    stats.memory_free_bytes = read_guest_free_memory(xenstore, found.domid);
    stats.vcpu_seconds = time_of_vcpus(context, found.domid, found.kept->spec.vcpus);
    const VmSpec& spec = found.kept->spec;
    const GuestType type = spec.type;
    std::optional<std::map<std::string, DomainStats::Io>> of_qemu;
    for (const DiskSpec& disk : spec.disks) {
      if (disk.path.empty()) continue;
      const std::string name = disk_name(disk.device, type);
      DomainStats::Io io;
      if (is_served_by_qemu(context, found.domid, name)) {
        if (!of_qemu)
          of_qemu = traffic_of_qemu(ask_qemu(context, found.domid, "info block"),
                                    ask_qemu(context, found.domid, "info blockstats"));
        io = (*of_qemu)[name];
      } else {
        io = io_of_kernel(found.domid, device_number(std::stoi(disk.device)));
      }
      io.device = disk.device;
      stats.disks.push_back(io);
    }
    for (const NicSpec& nic : state_of(context, found).nics) {
      const std::string base = "/sys/class/net/" + nic.host_device + "/statistics/";
      DomainStats::Io io;
      io.device = nic.device;
      io.read_bytes = number_in(base + "tx_bytes");
      io.write_bytes = number_in(base + "rx_bytes");
      io.read_ops = number_in(base + "tx_packets");
      io.write_ops = number_in(base + "rx_packets");
      stats.nics.push_back(io);
    }
    all_stats.push_back(std::move(stats));
  }
  return all_stats;
}

}  // namespace xcp::hypervisor::libxl
