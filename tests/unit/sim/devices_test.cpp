// SPDX-License-Identifier: GPL-2.0-or-later
// Hot-plug, media, images, sizes.
#include <set>

#include "fixture.hpp"

namespace xcp::hypervisor {
namespace {

using Texts = std::vector<std::string>;

DiskSpec disk(const std::string& device, const std::string& path) {
  DiskSpec spec;
  spec.device = device;
  spec.path = path;
  return spec;
}

NicSpec nic(const std::string& device, const std::string& mac) {
  NicSpec spec;
  spec.device = device;
  spec.mac = mac;
  spec.backing = NicBacking::bridge;
  spec.bridge = "xenbr1";
  return spec;
}

TEST_F(SimTest, DisksComeAndGo) {
  start(small_vm(uuid));
  sim->plug_disk(uuid, disk("1", "/disks/one"));
  EXPECT_EQ(events.all(), (Texts{"changed " + uuid}));
  ASSERT_EQ(state_of(uuid).disks.size(), 3u);
  EXPECT_EQ(state_of(uuid).disks[2].path, "/disks/one");
  EXPECT_EQ(params_of([&] { sim->plug_disk(uuid, disk("1", "/disks/two")); }), (Texts{"1"}));
  EXPECT_EQ(code_of([&] { sim->plug_disk(uuid, disk("2", "")); }), "INVALID_VALUE");
  EXPECT_EQ(sim->stats().at(0).disks.at(2).write_bytes, 0) << "it was plugged in just now";
  advance(1000);
  EXPECT_GT(sim->stats().at(0).disks.at(2).write_bytes, 0);
  sim->unplug_disk(uuid, "1");
  EXPECT_EQ(state_of(uuid).disks.size(), 2u);
  sim->unplug_disk(uuid, "1");
  sim->unplug_disk(uuid, "9");
  DiskSpec drive = disk("4", "");
  drive.cdrom = true;
  EXPECT_EQ(code_of([&] { sim->plug_disk(uuid, drive); }), "OPERATION_NOT_ALLOWED");
  EXPECT_EQ(code_of([&] { sim->unplug_disk(uuid, "3"); }), "OPERATION_NOT_ALLOWED");
}

TEST_F(SimTest, ADriveTakesAndEjectsMedia) {
  start(small_vm(uuid));
  sim->change_medium(uuid, "3", disk("", "/iso/debian.iso"));
  EXPECT_EQ(state_of(uuid).disks[1].path, "/iso/debian.iso");
  EXPECT_TRUE(state_of(uuid).disks[1].cdrom);
  sim->change_medium(uuid, "3", {});
  EXPECT_EQ(state_of(uuid).disks[1].path, "");
  EXPECT_EQ(code_of([&] { sim->change_medium(uuid, "0", disk("", "/iso/x")); }),
            "VBD_NOT_REMOVABLE_MEDIA");
  EXPECT_EQ(code_of([&] { sim->change_medium(uuid, "7", disk("", "/iso/x")); }),
            "DEVICE_NOT_ATTACHED");
}

TEST_F(SimTest, ImagesAreSwitchedAllOrNone) {
  VmSpec spec = small_vm(uuid);
  spec.disks.push_back(disk("1", "/disks/second"));
  start(spec);
  EXPECT_EQ(code_of([&] {
              sim->switch_images(uuid, {{"0", disk("0", "/disks/new0")}, {"8", disk("8", "/x")}});
            }),
            "DEVICE_NOT_ATTACHED");
  EXPECT_EQ(state_of(uuid).disks[0].path, spec.disks[0].path);
  const std::map<std::string, DiskSpec> images{{"0", disk("0", "/disks/new0")},
                                               {"1", disk("1", "/disks/new1")}};
  sim->switch_images(uuid, images);
  EXPECT_EQ(state_of(uuid).disks[0].path, "/disks/new0");
  EXPECT_EQ(state_of(uuid).disks[2].path, "/disks/new1");
  EXPECT_EQ(state_of(uuid).disks[0].serial, uuid) << "what the guest sees of a disk stays";
  sim->switch_images(uuid, images);
}

TEST_F(SimTest, NicsComeAndGoAndTheAgentTells) {
  start(small_vm(uuid));
  sim->plug_nic(uuid, nic("1", "02:00:00:00:00:99"));
  EXPECT_EQ(events.all(), (Texts{"changed " + uuid, "guest_facts " + uuid}));
  EXPECT_TRUE(sim->guest(uuid).networks.contains("1/ip"));
  EXPECT_EQ(state_of(uuid).nics.size(), 2u);
  EXPECT_EQ(code_of([&] { sim->plug_nic(uuid, nic("1", "02:00:00:00:00:98")); }),
            "DEVICE_ALREADY_EXISTS");
  EXPECT_EQ(code_of([&] { sim->plug_nic(uuid, nic("2", "nonsense")); }), "MAC_INVALID");
  sim->unplug_nic(uuid, "1");
  EXPECT_FALSE(sim->guest(uuid).networks.contains("1/ip"));
  sim->unplug_nic(uuid, "1");
  EXPECT_EQ(state_of(uuid).nics.size(), 1u);
}

TEST_F(SimTest, ATapNameBelongsToOneDomain) {
  VmSpec spec = small_vm(uuid);
  spec.nics[0].host_device = "vif-one";
  sim->build(spec);
  EXPECT_EQ(state_of(uuid).nics[0].host_device, "vif-one");
  VmSpec second = small_vm(other_uuid);
  second.nics[0].host_device = "vif-one";
  EXPECT_EQ(params_of([&] { sim->build(second); }), (Texts{"vif-one"}));
  sim->destroy(uuid);
  sim->build(second);
}

TEST_F(SimTest, ForwardedPortsAreReportedAndDiffer) {
  VmSpec spec = small_vm(uuid);
  spec.nics[0].backing = NicBacking::user;
  spec.nics[0].forwards = {{0, 22}, {0, 80}};
  VmSpec second = spec;
  second.uuid = other_uuid;
  std::set<int> ports;
  for (const VmSpec& each : {spec, second}) {
    const DomainState state = sim->build(each);
    for (const PortForward& forward : state.nics[0].forwards) ports.insert(forward.host_port);
  }
  EXPECT_EQ(ports.size(), 4u);
  EXPECT_FALSE(ports.contains(0));
}

TEST_F(SimTest, VcpusChangeWithinTheirLimits) {
  start(small_vm(uuid));
  sim->set_vcpus(uuid, 4);
  EXPECT_EQ(state_of(uuid).vcpus, 4);
  EXPECT_EQ(sim->stats().at(0).vcpu_seconds.size(), 4u);
  EXPECT_EQ(params_of([&] { sim->set_vcpus(uuid, 5); }), (Texts{"vcpus", "5"}));
  EXPECT_EQ(code_of([&] { sim->set_vcpus(uuid, 0); }), "INVALID_VALUE");
  sim->set_vcpus(uuid, 1);
  EXPECT_EQ(sim->stats().at(0).vcpu_seconds.size(), 1u);
}

TEST_F(SimTest, MemoryFollowsItsTarget) {
  constexpr std::int64_t mebibyte = 1 << 20;
  start(small_vm(uuid));
  const std::int64_t free_before = sim->host().memory_free_bytes;
  sim->set_memory_target(uuid, 1500 * mebibyte);
  EXPECT_EQ(state_of(uuid).memory_bytes, 1024 * mebibyte);
  EXPECT_EQ(sim->host().memory_free_bytes, free_before - 476 * mebibyte) << "promised already";
  advance(5);
  EXPECT_EQ(state_of(uuid).memory_bytes, 1500 * mebibyte);
  EXPECT_EQ(events.all(), (Texts{"changed " + uuid}));
  sim->set_memory_target(uuid, 600 * mebibyte);
  EXPECT_EQ(sim->host().memory_free_bytes, free_before - 476 * mebibyte) << "not given back yet";
  advance(5);
  EXPECT_EQ(sim->host().memory_free_bytes, free_before + 424 * mebibyte);
  EXPECT_EQ(code_of([&] { sim->set_memory_target(uuid, 3000 * mebibyte); }), "INVALID_VALUE");
  EXPECT_EQ(code_of([&] { sim->set_memory_target(uuid, 0); }), "INVALID_VALUE");
}

TEST_F(SimTest, AGuestThatHasNotBootedBalloonsLater) {
  sim->build(small_vm(uuid));
  sim->set_memory_target(uuid, std::int64_t{2} << 30);
  sim->unpause(uuid);
  EXPECT_EQ(state_of(uuid).memory_bytes, std::int64_t{1} << 30);
  advance(60);
  EXPECT_EQ(state_of(uuid).memory_bytes, std::int64_t{2} << 30);
}

TEST_F(SimTest, MemoryThatIsNotThereIsNotPromised) {
  SimSettings settings = still_settings();
  settings.memory_bytes = (std::int64_t{3} << 30) + (std::int64_t{512} << 20);
  sim = make_sim(settings);
  sim->build(small_vm(uuid));
  EXPECT_EQ(
      params_of([&] { sim->set_memory_target(uuid, std::int64_t{2} << 30); }),
      (Texts{std::to_string(std::int64_t{1} << 30), std::to_string(std::int64_t{512} << 20)}));
}

}  // namespace
}  // namespace xcp::hypervisor
