// SPDX-License-Identifier: GPL-2.0-or-later
// What xl prints of Xen's own things, as whole texts in tests/golden/xl/*.txt; the lab compares the
// same columns with the distribution's xl. With XCP_REWRITE_GOLDEN set they are written anew.
#include "xl/xen_text.hpp"

#include <gtest/gtest.h>

#include <cstdlib>

#include "base/fd.hpp"

namespace xcp::xl {
namespace {

using hypervisor::XenDevice;
using hypervisor::XenDeviceKind;

void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = XCP_SOURCE_DIR "/tests/golden/xl/" + name + ".txt";
  if (std::getenv("XCP_REWRITE_GOLDEN") != nullptr) write_file_durably(path, text);
  EXPECT_EQ(text, read_file(path).value_or("")) << path;
}

std::vector<XenDomain> domains() {
  XenDomain zero;
  zero.uuid = "00000000-0000-0000-0000-000000000000";
  zero.name = "Domain-0";
  zero.type = "pv";
  zero.running = true;
  zero.memory_kib = 2097152;
  zero.cpu_time_ns = 242'450'000'000;
  zero.vcpus_online = 2;
  zero.cpu_pool = "Pool-0";
  zero.node_affinity = {0, 1};
  XenDomain guest = zero;
  guest.domid = 17;
  guest.uuid = "123e4567-e89b-12d3-a456-426614174000";
  guest.name = "a guest";
  guest.running = false;
  guest.blocked = guest.paused = true;
  guest.memory_kib = 196608;
  guest.claimed_kib = 65536;
  guest.shared_kib = 4096;
  guest.cpu_time_ns = 49'999'999;
  guest.vcpus_online = 1;
  guest.security_label = "system_u:system_r:domU_t";
  guest.node_affinity = {1};
  XenDomain ended = guest;
  ended.domid = 32751;
  ended.name = "a name that is longer than the column which it is in";
  ended.blocked = ended.paused = false;
  ended.shut_down = ended.dying = true;
  ended.shutdown_reason = 3;
  ended.security_label = "";
  ended.cpu_pool = "a-longer-pool-name";
  ended.node_affinity = {};
  return {zero, guest, ended};
}

std::string list_text(const ListColumns& columns) {
  std::string text = list_head(columns);
  for (const XenDomain& domain : domains()) text += list_row(domain, columns);
  return text;
}

XenHost host() {
  XenHost host;
  host.cpus = 8;
  host.max_cpu_id = 15;
  host.nodes = 2;
  host.cores_per_socket = 4;
  host.threads_per_core = 1;
  host.cpu_khz = 2600007;
  host.hardware_capabilities = {0x178bf3fd, 0x80002001, 7, 0, 0, 0, 0, 0xffffffff};
  host.virtualization = {"pv", "hvm", "hap", "gnttab-v1"};
  host.memory_total_bytes = 5119LL << 20;
  host.memory_free_bytes = (3018LL << 20) + 4095;
  host.memory_claimed_bytes = 64 << 20;
  host.sharing_freed_bytes = 3 << 20;
  host.sharing_used_bytes = 5 << 20;
  host.free_cpus = {6, 7};
  host.version_major = 4;
  host.version_minor = 17;
  host.version_extra = ".7";
  host.capabilities = "xen-3.0-x86_64 hvm-3.0-x86_32 ";
  host.scheduler = "credit2";
  host.page_bytes = 4096;
  host.virtual_start = 0xffff800000000000;
  host.command_line = "placeholder dom0_mem=2G";
  host.compiler = "gcc 12";
  host.compiled_by = "somebody";
  host.compile_domain = "example.org";
  host.compile_date = "Wed Nov  4 16:52:28 UTC 2026";
  host.build_id = "151b";
  return host;
}

TEST(Ranges, AreAllNoneOrSpans) {
  EXPECT_EQ(ranges({0, 1, 2, 3}, 4), "all");
  EXPECT_EQ(ranges({0, 1, 2, 3, 4, 5, 6, 7}, 4), "all");  // Xen sets more than there are
  EXPECT_EQ(ranges({}, 4), "none");
  EXPECT_EQ(ranges({6}, 4), "none");
  EXPECT_EQ(ranges({0}, 1), "all");
  EXPECT_EQ(ranges({0, 1, 3, 5, 6, 7}, 16), "0-1,3,5-7");
  EXPECT_EQ(ranges({2, 3, 4}, 4), "2-3");
}

TEST(XenText, Lists) {
  expect_golden("list", list_text({}));
  expect_golden("list-verbose", list_text({true, true, false, true, true, 2}));
  expect_golden("list-label", list_text({false, true, false, false, false, 1}));
  expect_golden("claims", list_text({false, false, true, false, false, 1}));
  std::string sharing = sharing_head();
  for (const XenDomain& domain : domains()) sharing += sharing_row(domain);
  expect_golden("sharing", sharing);
}

TEST(XenText, ShutdownReasons) {
  XenDomain domain = domains()[2];
  domain.name = "d";
  const std::string letters = "-rscwS?";
  for (std::size_t reason = 0; reason < letters.size(); ++reason) {
    domain.shutdown_reason = static_cast<std::int64_t>(reason);
    EXPECT_NE(list_row(domain, {}).find(std::string("---s") + letters[reason] + "d  "),
              std::string::npos);
  }
}

TEST(XenText, Vcpus) {
  XenVcpu vcpu;
  vcpu.vcpu = 1;
  vcpu.cpu = 3;
  vcpu.online = vcpu.running = true;
  vcpu.time_ns = 122'240'000'000;
  vcpu.hard_affinity = {0, 1, 2, 3};
  vcpu.soft_affinity = {1};
  XenVcpu absent;
  absent.vcpu = 2;
  absent.hard_affinity = absent.soft_affinity = {0, 1, 2, 3, 4, 5, 6, 7};
  XenVcpu waits = vcpu;
  waits.running = false;
  waits.blocked = true;
  std::string text = vcpu_head();
  for (const XenVcpu& one : {vcpu, absent, waits}) text += vcpu_row(domains()[1], one, 4);
  expect_golden("vcpu-list", text);
}

TEST(XenText, Info) {
  XenTopology topology;
  topology.cpus = {{0, 0, 0, 0}, {1, 1, 0, 0}, {14, 3, 1, 1}};
  topology.nodes = {{0, 6LL << 30, 3018LL << 20, {10, 21}}, {1, 2LL << 30, 1 << 20, {21, 10}}};
  expect_golden("info-numa", machine_lines(host()) + topology_lines(topology) + xen_lines(host()));
  topology.pci_devices = {{"0000:00:1f.2", 1}};
  EXPECT_NE(topology_lines(topology).find("\n0000:00:1f.2      1\n"), std::string::npos);
}

TEST(XenText, PoolsAndSchedules) {
  const XenCpuPool pool{0, "Pool-0", "credit2", 3, {0, 1}};
  const XenCpuPool other{1, "a-longer-name-of-a-pool", "rtds", 0, {}};
  const XenCpuPool old{2, "p", "credit", 12, {7}};
  std::string text;
  for (const bool cpus : {false, true}) {
    text += pool_head(cpus);
    for (const XenCpuPool& one : {pool, other, old}) text += pool_row(one, cpus);
  }
  XenSchedule schedule;
  schedule.scheduler = "credit2";
  schedule.weight = 256;
  schedule.cap = 0;
  text += pool_schedule_line(pool, {{}, 1000, {}}) + pool_schedule_line(pool, {}) +
          pool_schedule_line(old, {30, 1000, 0}) + pool_schedule_line(other, {});
  text += schedule_head("credit2", false);
  for (const XenDomain& domain : domains()) text += schedule_row(domain, schedule);
  schedule = {};
  schedule.scheduler = "rtds";
  schedule.period_us = 10000;
  schedule.budget_us = 4000;
  schedule.extratime = true;
  text += schedule_head("rtds", false) + schedule_row(domains()[1], schedule);
  schedule.vcpu = 3;
  schedule.extratime = false;
  text += schedule_head("rtds", true) + schedule_row(domains()[1], schedule);
  expect_golden("pools-and-schedules", text);
}

TEST(XenText, Devices) {
  XenDevice device;
  device.devid = 51712;
  device.backend_domid = 0;
  device.frontend_domid = 17;
  device.state = 4;
  device.event_channel = 15;
  device.ring_ref = 8;
  device.second_ring_ref = 768;
  device.backend_path = "/local/domain/0/backend/vbd/17/51712";
  device.frontend_path = "/local/domain/17/device/vbd/51712";
  device.id = "00:16:3e:00:00:01";
  device.type = "linux";
  device.path = "/dev/pts/3";
  device.version = 2;
  device.ports = 8;
  device.backend_allocates = true;
  device.parts = {{"pcm0", "0", "p", 800, 600, 1, 2, 3, 4},
                  {"pcm0", "1", "c", 0, 0, 5, 6, -1, -1},
                  {"pcm1", "2", "p", 0, 0, 7, 8, -1, -1}};
  std::string text;
  for (const XenDeviceKind kind : {XenDeviceKind::disk, XenDeviceKind::nic, XenDeviceKind::vtpm,
                                   XenDeviceKind::channel, XenDeviceKind::vkb, XenDeviceKind::vsnd,
                                   XenDeviceKind::vdispl, XenDeviceKind::usb_controller})
    text += device_head(kind) + device_row(kind, device);
  hypervisor::XenPciDevice pci;
  pci.segment = 1;
  pci.bus = 0x1f;
  pci.device = 0xa;
  pci.function = 7;
  pci.virtual_slot = 5 << 3 | 1;
  expect_golden("devices", text + pci_head() + pci_row(pci));
}

}  // namespace
}  // namespace xcp::xl
