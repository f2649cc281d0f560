// SPDX-License-Identifier: GPL-2.0-or-later
// See xen_text.hpp.
#include "xl/xen_text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace xcp::xl {

using hypervisor::XenDevice;
using hypervisor::XenDeviceKind;
using hypervisor::XenPciDevice;

namespace {

constexpr const char* shutdown_letters = "-rscwS";  // by reason

double seconds(std::int64_t ns) {
  return static_cast<double>(ns) / 1e9;
}

char flag(bool set, char letter) {
  return set ? letter : '-';
}

char shutdown_letter(std::int64_t reason) {
  return reason >= 0 && reason < 6 ? shutdown_letters[reason] : '?';
}

std::string label_of(const XenDomain& domain) {
  return domain.security_label.empty() ? "-" : domain.security_label;
}

std::string line(const char* name, const auto& value) {
  return fmt::format("{:<23}: {}\n", name, value);
}

std::int64_t mib(std::int64_t bytes) {
  return bytes >> 20;
}

std::string listed(const Numbers& numbers) {
  return fmt::format("{}", fmt::join(numbers, ","));
}

}  // namespace

std::string ranges(const Numbers& numbers, std::int64_t count) {
  std::string text;
  std::int64_t covered = 0;
  for (std::size_t i = 0; i < numbers.size() && numbers[i] < count;) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1 &&
           numbers[last + 1] < count)
      ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", numbers[i]);
    if (last > i) text += fmt::format("-{}", numbers[last]);
    covered += numbers[last] - numbers[i] + 1;
    i = last + 1;
  }
  if (covered == 0) return "none";
  return covered == count ? "all" : text;
}

std::string list_head(const ListColumns& columns) {
  std::string text =
      fmt::format("{:<40} {:>5} {:>5} {:>5}\tState\tTime(s)", "Name", "ID", "Mem", "VCPUs");
  if (columns.verbose) text += "   UUID                            Reason-Code\tSecurity Label";
  if (columns.label && !columns.verbose) text += "   Security Label";
  if (columns.claimed) text += "  Claimed";
  if (columns.pool) text += "         Cpupool";
  if (columns.numa) text += " NODE Affinity";
  return text + "\n";
}

std::string list_row(const XenDomain& domain, const ListColumns& columns) {
  const std::int64_t reason = domain.shut_down ? domain.shutdown_reason : 0;
  std::string text =
      fmt::format("{:<40} {:>5} {:>5} {:>5}     {}{}{}{}{}{}  {:>8.1f}", domain.name, domain.domid,
                  (domain.memory_kib + domain.claimed_kib) / 1024, domain.vcpus_online,
                  flag(domain.running, 'r'), flag(domain.blocked, 'b'), flag(domain.paused, 'p'),
                  flag(domain.shut_down, 's'), shutdown_letter(reason), flag(domain.dying, 'd'),
                  seconds(domain.cpu_time_ns));
  if (columns.verbose)
    text += fmt::format(" {} {:>8}", domain.uuid,
                        domain.shut_down ? fmt::format("{:x}", reason) : std::string("-"));
  if (columns.claimed) text += fmt::format(" {:>5}", domain.claimed_kib / 1024);
  if (columns.verbose || columns.label) text += fmt::format(" {:>16}", label_of(domain));
  if (columns.pool) text += fmt::format("{:>16}", domain.cpu_pool);
  if (columns.numa) text += " " + ranges(domain.node_affinity, columns.nodes);
  return text + "\n";
}

std::string vcpu_head() {
  return fmt::format("{:<32} {:>5} {:>5} {:>5} {:>5} {:>9} {}\n", "Name", "ID", "VCPU", "CPU",
                     "State", "Time(s)", "Affinity (Hard / Soft)");
}

std::string vcpu_row(const XenDomain& domain, const XenVcpu& vcpu, std::int64_t cpus) {
  const std::string where = vcpu.online
                                ? fmt::format("{:>5} {:>3}{}- ", vcpu.cpu, flag(vcpu.running, 'r'),
                                              flag(vcpu.blocked, 'b'))
                                : fmt::format("{:>5} {:>3}{}p ", '-', '-', '-');
  return fmt::format("{:<32} {:>5} {:>5}{}{:>9.1f}  {} / {}\n", domain.name, domain.domid,
                     vcpu.vcpu, where, seconds(vcpu.time_ns), ranges(vcpu.hard_affinity, cpus),
                     ranges(vcpu.soft_affinity, cpus));
}

std::string sharing_head() {
  return "Name                                        ID   Mem Shared\n";
}

std::string sharing_row(const XenDomain& domain) {
  return fmt::format("{:<40} {:>5} {:>5}  {:>5}\n", domain.name, domain.domid,
                     (domain.memory_kib + domain.claimed_kib) / 1024, domain.shared_kib / 1024);
}

std::string machine_lines(const XenHost& host) {
  std::string words;
  for (const std::int64_t word : host.hardware_capabilities)
    words += fmt::format("{}{:08x}", words.empty() ? "" : ":", word);
  std::string text = line("nr_cpus", host.cpus) + line("max_cpu_id", host.max_cpu_id) +
                     line("nr_nodes", host.nodes) +
                     line("cores_per_socket", host.cores_per_socket) +
                     line("threads_per_core", host.threads_per_core);
  text += line("cpu_mhz", fmt::format("{}.{:03}", host.cpu_khz / 1000, host.cpu_khz % 1000));
  text += line("hw_caps", words);
  text += line("virt_caps", fmt::format("{}", fmt::join(host.virtualization, " ")));
  text += line("total_memory", mib(host.memory_total_bytes));
  text += line("free_memory", mib(host.memory_free_bytes));
  text += line("sharing_freed_memory", mib(host.sharing_freed_bytes));
  text += line("sharing_used_memory", mib(host.sharing_used_bytes));
  text += line("outstanding_claims", mib(host.memory_claimed_bytes));
  return text + line("free_cpus", host.free_cpus.size());
}

std::string topology_lines(const XenTopology& topology) {
  std::string text = fmt::format("{:<23}:\ncpu:    core    socket     node\n", "cpu_topology");
  for (const XenTopology::Cpu& cpu : topology.cpus)
    text += fmt::format("{:>3}:    {:>4}     {:>4}     {:>4}\n", cpu.cpu, cpu.core, cpu.socket,
                        cpu.node);
  text += fmt::format("{:<23}:\ndevice           node\n", "device topology");
  for (const XenTopology::PciDevice& device : topology.pci_devices)
    text += fmt::format("{}      {}\n", device.address, device.node);
  if (topology.pci_devices.empty()) text += "No device topology data available\n";
  text += fmt::format("{:<23}:\nnode:    memsize    memfree    distances\n", "numa_info");
  for (const XenTopology::Node& node : topology.nodes)
    text += fmt::format("{:>4}:    {:>6}     {:>6}      {}\n", node.node, mib(node.memory_bytes),
                        mib(node.free_bytes), listed(node.distances));
  return text;
}

std::string xen_lines(const XenHost& host) {
  return line("xen_major", host.version_major) + line("xen_minor", host.version_minor) +
         line("xen_extra", host.version_extra) +
         line("xen_version",
              fmt::format("{}.{}{}", host.version_major, host.version_minor, host.version_extra)) +
         line("xen_caps", host.capabilities) + line("xen_scheduler", host.scheduler) +
         line("xen_pagesize", host.page_bytes) +
         line("platform_params", fmt::format("virt_start=0x{:x}", host.virtual_start)) +
         line("xen_changeset", host.changeset) + line("xen_commandline", host.command_line) +
         line("cc_compiler", host.compiler) + line("cc_compile_by", host.compiled_by) +
         line("cc_compile_domain", host.compile_domain) +
         line("cc_compile_date", host.compile_date) + line("build_id", host.build_id) +
         line("xend_config_format", 4);
}

std::string pool_head(bool cpus) {
  return fmt::format("{:<19}{}\n", "Name",
                     cpus ? "CPU list" : "CPUs   Sched     Active   Domain count");
}

std::string pool_row(const XenCpuPool& pool, bool cpus) {
  if (cpus) return fmt::format("{:<19}{}\n", pool.name, listed(pool.cpus));
  return fmt::format("{:<19}{:>3} {:>9}       y       {:>4}\n", pool.name, pool.cpus.size(),
                     pool.scheduler, pool.domains);
}

std::string schedule_head(const std::string& scheduler, bool of_vcpus) {
  if (scheduler != "rtds")
    return fmt::format("{:<33} {:>4} {:>6} {:>4}\n", "Name", "ID", "Weight", "Cap");
  if (of_vcpus)
    return fmt::format("{:<33} {:>4} {:>4} {:>9} {:>9} {:>10}\n", "Name", "ID", "VCPU", "Period",
                       "Budget", "Extratime");
  return fmt::format("{:<33} {:>4} {:>9} {:>9} {:>10}\n", "Name", "ID", "Period", "Budget",
                     "Extratime");
}

std::string schedule_row(const XenDomain& domain, const XenSchedule& schedule) {
  if (schedule.scheduler != "rtds")
    return fmt::format("{:<33} {:>4} {:>6} {:>4}\n", domain.name, domain.domid,
                       schedule.weight.value_or(-1), schedule.cap.value_or(-1));
  const std::string vcpu = schedule.vcpu ? fmt::format(" {:>4}", *schedule.vcpu) : "";
  return fmt::format("{:<33} {:>4}{} {:>9} {:>9} {:>10}\n", domain.name, domain.domid, vcpu,
                     schedule.period_us.value_or(-1), schedule.budget_us.value_or(-1),
                     schedule.extratime.value_or(false) ? "yes" : "no");
}

std::string pool_schedule_line(const XenCpuPool& pool,
                               const hypervisor::XenPoolSchedule& schedule) {
  if (pool.scheduler == "rtds") return fmt::format("Cpupool {}: sched=RTDS\n", pool.name);
  if (!schedule.ratelimit_us)
    return fmt::format("Cpupool {}: [sched params unavailable]\n", pool.name);
  if (pool.scheduler == "credit2")
    return fmt::format("Cpupool {}: ratelimit={}us\n", pool.name, *schedule.ratelimit_us);
  return fmt::format("Cpupool {}: tslice={}ms ratelimit={}us migration-delay={}us\n", pool.name,
                     schedule.tslice_ms.value_or(0), *schedule.ratelimit_us,
                     schedule.migration_delay_us.value_or(0));
}

std::string device_head(XenDeviceKind kind) {
  switch (kind) {
    case XenDeviceKind::disk:
      return fmt::format("{:<5} {:<3} {:<6} {:<5} {:<6} {:<8} {:<30}\n", "Vdev", "BE", "handle",
                         "state", "evt-ch", "ring-ref", "BE-path");
    case XenDeviceKind::nic:
      return fmt::format("{:<3} {:<2} {:<17} {:<6} {:<5} {:<6} {:>5}/{:<5} {:<30}\n", "Idx", "BE",
                         "Mac Addr.", "handle", "state", "evt-ch", "tx-", "rx-ring-ref", "BE-path");
    case XenDeviceKind::vtpm:
      return fmt::format("{:<3} {:<2} {:<36} {:<6} {:<5} {:<6} {:<5} {:<10}\n", "Idx", "BE", "Uuid",
                         "handle", "state", "evt-ch", "ring-ref", "BE-path");
    case XenDeviceKind::channel:
      return fmt::format("{:<3} {:<2} {:<5} {:<6} {:>8} {:<10} {:<30}\n", "Idx", "BE", "state",
                         "evt-ch", "ring-ref", "connection", "");
    case XenDeviceKind::vkb:
      return fmt::format("{:<3} {:<2} {:<6} {:<5} {:<6} {:>6} {:<10} {:<10} {:<30}\n", "Idx", "BE",
                         "handle", "state", "evt-ch", "ref", "ID", "BE-type", "BE-path");
    case XenDeviceKind::usb_controller:
      return fmt::format("{:<6} {:<12} {:<3} {:<5} {:<7} {:<5}\n", "Devid", "Type", "BE", "state",
                         "usb-ver", "ports");
    case XenDeviceKind::vsnd:
    case XenDeviceKind::vdispl:
      return "";
  }
  return "";
}

namespace {

std::string sound_rows(const XenDevice& card) {
  std::string text = fmt::format(
      "devid: {}, be-domid: {}, handle: {}, state: {}, be-path: {}, fe-path: {}\n", card.devid,
      card.backend_domid, card.frontend_domid, card.state, card.backend_path, card.frontend_path);
  text += fmt::format("short-name: \"{}\", long-name: \"{}\"\n", card.id, card.type);
  std::int64_t pcm = -1;
  std::int64_t stream = 0;
  for (std::size_t i = 0; i < card.parts.size(); ++i) {
    const XenDevice::Part& part = card.parts[i];
    if (i == 0 || part.group != card.parts[i - 1].group) {
      stream = 0;
      text += fmt::format("\tpcm: {}, name: \"{}\"\n", ++pcm, part.group);
    }
    text += fmt::format(
        "\t\tstream: {}, unique-id: \"{}\", type: {}\n\t\t\tevent-channel: {}, ring-ref: {}\n",
        stream++, part.id, part.type, part.event_channel, part.ring_ref);
  }
  return text;
}

std::string display_rows(const XenDevice& display) {
  std::string text = fmt::format(
      "DevId: {}, BE: {}, handle: {}, state: {}, be-alloc: {}, BE-path: {}, FE-path: {}\n",
      display.devid, display.backend_domid, display.frontend_domid, display.state,
      int{display.backend_allocates}, display.backend_path, display.frontend_path);
  std::int64_t number = 0;
  for (const XenDevice::Part& part : display.parts)
    text += fmt::format(
        "\tConnector: {}, id: {}, width: {}, height: {}, req-rref: {}, req-evtch: {}, "
        "evt-rref: {}, evt-evtch: {}\n",
        number++, part.id, part.width, part.height, part.ring_ref, part.event_channel,
        part.second_ring_ref, part.second_event_channel);
  return text;
}

}  // namespace

std::string device_row(XenDeviceKind kind, const XenDevice& device) {
  const XenDevice& d = device;
  switch (kind) {
    case XenDeviceKind::disk:
      return fmt::format("{:<5} {:<3} {:<6} {:<5} {:<6} {:<8} {:<30}\n", d.devid, d.backend_domid,
                         d.frontend_domid, d.state, d.event_channel, d.ring_ref, d.backend_path);
    case XenDeviceKind::nic:
      return fmt::format("{:<3} {:<2} {:<17} {:>6} {:>5} {:>6} {:>5}/{:<11} {:<30}\n", d.devid,
                         d.backend_domid, d.id, d.devid, d.state, d.event_channel, d.ring_ref,
                         d.second_ring_ref, d.backend_path);
    case XenDeviceKind::vtpm:
      return fmt::format("{:<3} {:<2} {} {:>6} {:>5} {:>6} {:>8} {:<30}\n", d.devid,
                         d.backend_domid, d.id, d.devid, d.state, d.event_channel, d.ring_ref,
                         d.backend_path);
    case XenDeviceKind::channel:
      return fmt::format("{:<3} {:<2} {:<5} {:<6} {:<8} {:<10} {:<30}\n", d.devid, d.backend_domid,
                         d.state, d.event_channel, d.ring_ref, d.type, d.path);
    case XenDeviceKind::vkb:
      return fmt::format("{:<3} {:<2} {:>6} {:>5} {:>6} {:>6} {:<10} {:<10} {:<30}\n", d.devid,
                         d.backend_domid, d.devid, d.state, d.event_channel, d.ring_ref, d.id,
                         d.type, d.backend_path);
    case XenDeviceKind::usb_controller:
      return fmt::format("{:<6} {:<12} {:<3} {:<5} {:<7} {:<5}\n", d.devid, d.type, d.backend_domid,
                         d.state, d.version, d.ports);
    case XenDeviceKind::vsnd:
      return sound_rows(device);
    case XenDeviceKind::vdispl:
      return display_rows(device);
  }
  return "";
}

std::string address_text(const XenPciDevice& device) {
  return fmt::format("{:04x}:{:02x}:{:02x}.{:01x}", device.segment, device.bus, device.device,
                     device.function);
}

std::string pci_head() {
  return "Vdev Device\n";
}

std::string pci_row(const XenPciDevice& device) {
  return fmt::format("{:02x}.{:01x} {}\n", device.virtual_slot >> 3 & 0x1f, device.virtual_slot & 7,
                     address_text(device));
}

}  // namespace xcp::xl
