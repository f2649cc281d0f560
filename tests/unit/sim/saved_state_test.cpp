// SPDX-License-Identifier: GPL-2.0-or-later
// Save, restore, checkpoint: files as they must be, guests that go on where they were.
#include <fstream>

#include "base/fd.hpp"
#include "fixture.hpp"

namespace xcp::hypervisor {
namespace {

using Texts = std::vector<std::string>;

class SavedState : public SimTest {
 protected:
  std::int64_t boots_of(const std::string& whom) {
    const std::string text = sim->control("describe", {{"uuid", whom}});
    const auto at = text.find("\"boots\":");
    return std::stoll(text.substr(at + 8));
  }
  const TemporaryDirectory directory;
  const std::string path = directory.path("memory");
};

TEST_F(SavedState, AGuestGoesOnWhereItWas) {
  start(small_vm(uuid));
  const std::string address = sim->guest(uuid).networks.at("0/ip");
  sim->save(uuid, path);
  EXPECT_EQ(events.all(), (Texts{"ended_gone " + uuid}));
  EXPECT_FALSE(sim->domain(uuid).has_value());
  EXPECT_TRUE(std::filesystem::exists(path));
  EXPECT_FALSE(std::filesystem::exists(path + ".partial"));
  advance(3600);
  VmSpec spec = small_vm(uuid);
  spec.disks[0].path = "/disks/moved";
  const DomainState state = sim->restore(spec, path);
  EXPECT_EQ(state.power, DomainPower::paused);
  EXPECT_EQ(state.disks[0].path, "/disks/moved");
  sim->unpause(uuid);
  EXPECT_TRUE(sim->guest(uuid).agent_alive);
  EXPECT_EQ(sim->guest(uuid).networks.at("0/ip"), address);
  EXPECT_EQ(boots_of(uuid), 1);
  EXPECT_TRUE(std::filesystem::exists(path)) << "whose file it is decides its owner";
}

TEST_F(SavedState, AHalfBootedGuestBootsTheRest) {
  sim->build(small_vm(uuid));
  sim->unpause(uuid);
  advance(3);
  sim->save(uuid, path);
  sim->restore(small_vm(uuid), path);
  advance(3600);
  EXPECT_FALSE(sim->guest(uuid).agent_alive);
  sim->unpause(uuid);
  advance(60);
  EXPECT_TRUE(sim->guest(uuid).agent_alive);
  EXPECT_EQ(boots_of(uuid), 1);
}

TEST_F(SavedState, AFailedSaveLeavesTheGuestRunningAndNoFile) {
  start(small_vm(uuid));
  sim->control("fault", {{"method", "save"},
                         {"kind", "fail"},
                         {"point", "middle"},
                         {"code", "SR_FULL"},
                         {"params", "[\"1\",\"2\"]"}});
  EXPECT_EQ(params_of([&] { sim->save(uuid, path); }), (Texts{"1", "2"}));
  EXPECT_EQ(state_of(uuid).power, DomainPower::running);
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
  EXPECT_EQ(code_of([&] { sim->save(uuid, "/nonexistent/memory"); }), "INTERNAL_ERROR");
  EXPECT_EQ(state_of(uuid).power, DomainPower::running);
  sim->shutdown(uuid, ShutdownKind::poweroff);
  advance(30);
  EXPECT_FALSE(sim->domain(uuid).has_value()) << "its time went on";
}

TEST_F(SavedState, AVolumeMadeBeforehandIsWrittenInPlace) {
  { std::ofstream(path) << std::string(100000, 'x'); }
  start(small_vm(uuid));
  sim->save(uuid, path);
  EXPECT_EQ(std::filesystem::file_size(path), 100000u);
  sim->restore(small_vm(uuid), path);
}

TEST_F(SavedState, OnlyWholeStatesOfThatShapeAreRestored) {
  start(small_vm(uuid));
  sim->save(uuid, path);
  EXPECT_EQ(code_of([&] { sim->restore(small_vm(uuid), path + "x"); }),
            "SUSPEND_IMAGE_NOT_ACCESSIBLE");
  std::string text = read_file(path).value();
  text[text.size() / 2] ^= 1;
  { std::ofstream(path + "x") << text; }
  EXPECT_EQ(code_of([&] { sim->restore(small_vm(uuid), path + "x"); }),
            "SUSPEND_IMAGE_NOT_ACCESSIBLE");
  VmSpec spec = small_vm(uuid);
  spec.vcpus_max = 8;
  EXPECT_EQ(code_of([&] { sim->restore(spec, path); }), "INTERNAL_ERROR");
  EXPECT_TRUE(sim->domains().empty());
  sim->restore(small_vm(uuid), path);
  EXPECT_EQ(code_of([&] { sim->restore(small_vm(uuid), path); }), "DOMAIN_EXISTS");
}

TEST_F(SavedState, ACheckpointLeavesTheGuestRunningOnNewImages) {
  start(small_vm(uuid));
  DiskSpec image;
  image.device = "0";
  image.path = "/disks/after";
  sim->checkpoint(uuid, path, {{"0", image}});
  EXPECT_EQ(state_of(uuid).power, DomainPower::running);
  EXPECT_EQ(state_of(uuid).disks[0].path, "/disks/after");
  EXPECT_TRUE(sim->guest(uuid).agent_alive);
  sim->destroy(uuid);
  sim->restore(small_vm(uuid), path);
  sim->unpause(uuid);
  EXPECT_TRUE(sim->guest(uuid).agent_alive);
  EXPECT_EQ(boots_of(uuid), 1);
}

TEST_F(SavedState, AFailedCheckpointChangesNothing) {
  start(small_vm(uuid));
  DiskSpec image;
  image.path = "/disks/after";
  EXPECT_EQ(code_of([&] { sim->checkpoint(uuid, path, {{"9", image}}); }), "DEVICE_NOT_ATTACHED");
  EXPECT_EQ(state_of(uuid).power, DomainPower::running);
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
  sim->pause(uuid);
  sim->checkpoint(uuid, path, {});
  EXPECT_EQ(state_of(uuid).power, DomainPower::paused);
}

}  // namespace
}  // namespace xcp::hypervisor
