// SPDX-License-Identifier: GPL-2.0-or-later
// Save, restore and checkpoint: a guest goes on as if nothing had happened.
#include <filesystem>

#include "base/fd.hpp"
#include "contract.hpp"

namespace xcp::test {
namespace {

using namespace hypervisor;

class MemoryContract : public ContractTest {
 protected:
  VmSpec guest_with_devices() {
    VmSpec spec = small_guest();
    spec.disks = {disk("0", raw_image("zero"))};
    DiskSpec drive;
    drive.device = "3";
    drive.cdrom = true;
    spec.disks.push_back(drive);
    spec.nics = {user_nic("0")};
    if (!world().xen) spec.nics[0].forwards = {{0, 80}};
    return spec;
  }
  // Something only the guest's memory knows.
  void remember(const std::string& word) {
    if (!world().real_guests) return;
    Terminal guest = terminal();
    guest.wait_for("TEST GUEST READY");
    guest.run("remembered=" + word);
  }
  std::string remembered() {
    if (!world().real_guests) return {};
    return terminal().run("echo \"I-know\"-$remembered");
  }
};

TEST_F(MemoryContract, ASavedGuestGoesOn) {
  VmSpec spec = guest_with_devices();
  start(spec);
  remember("apple");
  EventReader events(hv());
  const std::string path = files_ + "/saved";
  hv().save(uuid_, path);
  EXPECT_EQ(hv().domain(uuid_), std::nullopt);
  EXPECT_TRUE(std::filesystem::exists(path));
  events.wait_for(EventKind::ended_gone, uuid_);

  // The disk has moved meanwhile, and the name has changed.
  std::filesystem::rename(files_ + "/zero", files_ + "/moved");
  spec.disks[0].path = files_ + "/moved";
  spec.name = "renamed";
  const DomainState restored = hv().restore(spec, path);
  EXPECT_EQ(restored.power, DomainPower::paused);
  EXPECT_EQ(restored.name, "renamed");
  EXPECT_EQ(restored.disks.at(0).path, files_ + "/moved");
  if (!world().xen) {
    EXPECT_GT(restored.nics.at(0).forwards.at(0).host_port, 0);
  }
  hv().unpause(uuid_);
  if (world().real_guests) {
    EXPECT_NE(remembered().find("I-know-apple"), std::string::npos);
  }
  EXPECT_TRUE(std::filesystem::exists(path)) << "the caller removes it";
}

TEST_F(MemoryContract, AFailedSaveLeavesTheGuestRunningAndNoFile) {
  start(small_guest());
  EXPECT_NE(code_of([&] { hv().save(uuid_, files_ + "/no/such/directory"); }), "");
  EXPECT_EQ(state().power, DomainPower::running);
  EXPECT_FALSE(std::filesystem::exists(files_ + "/no"));
}

TEST_F(MemoryContract, AFileThatIsThereIsTaken) {
  // A suspend image made beforehand, larger than needed.
  const std::string path = raw_image("made-before");
  start(small_guest());
  remember("fig");
  hv().checkpoint(uuid_, path, {});
  EXPECT_EQ(state().power, DomainPower::running);
  hv().save(uuid_, path);
  EXPECT_EQ(hv().domain(uuid_), std::nullopt);
  hv().restore(small_guest(), path);
  hv().unpause(uuid_);
  if (world().real_guests) {
    EXPECT_NE(remembered().find("I-know-fig"), std::string::npos);
  }
}

TEST_F(MemoryContract, WhatIsNoSavedGuestIsNotRestored) {
  write_file_durably(files_ + "/rubbish", std::string(10000, 'x'));
  for (const char* name : {"/rubbish", "/absent"})
    EXPECT_EQ(code_of([&] { hv().restore(small_guest(), files_ + name); }),
              "SUSPEND_IMAGE_NOT_ACCESSIBLE")
        << name;
  EXPECT_TRUE(no_domain_is_ours());
}

TEST_F(MemoryContract, ACheckpointHoldsOneMoment) {
  if (!hv().host().can_checkpoint) GTEST_SKIP() << "this driver cannot";
  VmSpec spec = guest_with_devices();
  start(spec);
  remember("pear");
  const std::string path = files_ + "/checkpoint";
  DiskSpec image = disk("0", overlay("after", files_ + "/zero", "raw"));
  image.format = DiskFormat::qcow2;
  hv().checkpoint(uuid_, path, {{"0", image}});
  EXPECT_EQ(state().power, DomainPower::running);
  EXPECT_EQ(state().disks.at(0).path, files_ + "/after");
  EXPECT_TRUE(std::filesystem::exists(path));
  if (world().real_guests) {
    Terminal guest = terminal();
    guest.run("remembered=plum; echo after > /dev/vda; sync");
  }
  hv().destroy(uuid_);

  // Back to that moment, on the image as it was.
  hv().restore(spec, path);
  hv().unpause(uuid_);
  EXPECT_EQ(state().disks.at(0).path, files_ + "/zero");
  if (world().real_guests) {
    EXPECT_NE(remembered().find("I-know-pear"), std::string::npos);
    EXPECT_EQ(terminal().run("head -c 5 /dev/vda | tr -d '\\000'").find("after"),
              std::string::npos);
  }
}

TEST_F(MemoryContract, AGuestIsSavedTwice) {
  VmSpec spec = guest_with_devices();
  start(spec);
  remember("quince");
  for (const char* name : {"/one", "/two"}) {
    hv().save(uuid_, files_ + name);
    hv().restore(spec, files_ + name);
    hv().unpause(uuid_);
  }
  if (world().real_guests) {
    EXPECT_NE(remembered().find("I-know-quince"), std::string::npos);
  }
}

}  // namespace
}  // namespace xcp::test
