// SPDX-License-Identifier: GPL-2.0-or-later
// The parts of the Xen driver that need no Xen: names of disks, what is
// refused, which backend serves a disk, what QEMU tells of its disks, bitmaps and texts.
#include <gtest/gtest.h>

#include "base/describe.hpp"
#include "base/failure.hpp"
#include "hypervisor/libxl/control_words.hpp"
#include "hypervisor/libxl/domain_config.hpp"
#include "hypervisor/libxl/qemu_monitor.hpp"
#include "hypervisor/libxl/qemu_traffic.hpp"

namespace xcp::hypervisor::libxl {
namespace {

TEST(DiskNames, AreThoseOfTheTypeAndLeadBack) {
  EXPECT_EQ(disk_name("0", GuestType::pv), "xvda");
  EXPECT_EQ(disk_name("3", GuestType::pvh), "xvdd");
  EXPECT_EQ(disk_name("3", GuestType::hvm), "hdd");
  EXPECT_EQ(disk_name("4", GuestType::hvm), "xvde");
  EXPECT_EQ(disk_name("26", GuestType::pv), "xvdaa");
  for (int device = 0; device < 256; ++device)
    for (const GuestType type : {GuestType::pv, GuestType::pvh, GuestType::hvm}) {
      const std::string number = std::to_string(device);
      EXPECT_EQ(device_of_disk_name(disk_name(number, type)), number);
    }
  EXPECT_EQ(device_of_disk_name("sdb"), "1");
  for (const char* name : {"", "vda", "xvd", "xvdA", "xvdabc", "hd1"})
    EXPECT_EQ(device_of_disk_name(name), std::nullopt) << name;
}

TEST(Refusals, NameWhatXenCannotDo) {
  VmSpec spec;
  spec.type = GuestType::pv;
  EXPECT_NO_THROW(check_for_xen(spec));
  spec.nics.emplace_back().backing = NicBacking::user;
  EXPECT_THROW(check_for_xen(spec), Failure);
  spec.nics.clear();
  spec.disks.emplace_back().device = "0";
  spec.disks[0].format = DiskFormat::qcow2;
  EXPECT_NO_THROW(check_for_xen(spec));
  spec.disks[0].read_only = true;
  EXPECT_THROW(check_for_xen(spec), Failure);
}

libxl_disk_backend backend_of(const DiskSpec& disk, GuestType type) {
  DiskDevice device;
  fill_disk(device.value, disk, type);
  return device.value.backend;
}

TEST(Backends, FilesAreQemusDevicesAndReadOnlyFilesTheKernels) {
  DiskSpec disk;
  disk.device = "0";
  disk.path = "/dev/null";  // no block device
  EXPECT_EQ(backend_of(disk, GuestType::pv), LIBXL_DISK_BACKEND_QDISK);
  disk.read_only = true;
  EXPECT_EQ(backend_of(disk, GuestType::pv), LIBXL_DISK_BACKEND_PHY);
  EXPECT_EQ(backend_of(disk, GuestType::hvm), LIBXL_DISK_BACKEND_QDISK);
  DiskDevice device;
  fill_disk(device.value, disk, GuestType::pv);
  EXPECT_EQ(device.value.readwrite, 0);
  EXPECT_STREQ(device.value.pdev_path, "/dev/null");
}

TEST(EmptyDrives, AreDevicesInHvmDomainsOnly) {
  DiskSpec drive;
  drive.device = "3";
  drive.cdrom = true;
  EXPECT_TRUE(is_empty_drive_without_device(drive, GuestType::pv));
  EXPECT_FALSE(is_empty_drive_without_device(drive, GuestType::hvm));
  drive.path = "/medium.iso";
  EXPECT_FALSE(is_empty_drive_without_device(drive, GuestType::pv));
}

TEST(Traffic, IsFoundByTheGuestsNames) {
  const auto all = traffic_of_qemu(
      "xvda-raw: /d.img (raw)\n    Attached to:      /machine[2]\n    Cache mode:       "
      "writeback\n\n"
      "ide1-cd1 (#block): /m.iso (raw)\n",
      ": rd_bytes=1 wr_bytes=2 rd_operations=3 wr_operations=4 flush_operations=0\n"
      "ide1-cd1: rd_bytes=5 wr_bytes=6 rd_operations=7 wr_operations=8\n");
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all.at("xvda").read_bytes, 1);
  EXPECT_EQ(all.at("xvda").write_ops, 4);
  EXPECT_EQ(all.at("hdd").write_bytes, 6);
  EXPECT_TRUE(traffic_of_qemu("", "rubbish\n\n rd_bytes=").empty());
}

TEST(OpenImages, AreTheOnesWithAMedium) {
  const auto images = open_images(parse_json(R"([
    {"device": "ide0-hd0", "inserted": {"node-name": "#block1", "file": "/a", "drv": "raw"}},
    {"device": "", "inserted": {"node-name": "xvda-qcow2", "file": "/a", "drv": "qcow2"}},
    {"device": "ide1-cd0"}, 7, {"inserted": []}, {"inserted": {}}])"));
  ASSERT_EQ(images.size(), 3u);
  EXPECT_EQ(images[0].disk, "hda");
  EXPECT_EQ(images[0].node, "#block1");
  EXPECT_EQ(images[1].disk, "xvda");
  EXPECT_EQ(images[1].path, "/a");
  EXPECT_EQ(images[2].disk, "");
  EXPECT_TRUE(open_images(parse_json("{}")).empty());
}

TEST(Bitmaps, HoldWhatWasPutIn) {
  for (const Numbers& numbers : {Numbers{}, Numbers{0}, Numbers{7, 8, 63, 64, 4095}}) {
    const Bitmap bitmap(numbers);
    EXPECT_EQ(numbers_of(*bitmap.get()), numbers);
    EXPECT_GE(bitmap.get()->size, 1u);
  }
  EXPECT_TRUE(numbers_of(*Bitmap().get()).empty());
  EXPECT_THROW(Bitmap({-1}), Failure);
  EXPECT_THROW(Bitmap({65536}), Failure);
}

TEST(Texts, OfAnyBytesBecomeUtf8) {
  EXPECT_EQ(text_of(nullptr), "");
  EXPECT_EQ(as_utf8("(XEN) ok\n\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
            "(XEN) ok\n\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
  EXPECT_EQ(as_utf8("a\xff\xc3"), "a??");
  EXPECT_EQ(as_utf8("\xc0\xaf"), "??");            // a short character told in two bytes
  EXPECT_EQ(as_utf8("\xed\xa0\x80"), "???");       // half of a pair
  EXPECT_EQ(as_utf8("\xe2\x82"), "??");            // the end is missing
  EXPECT_EQ(as_utf8("\xf4\x90\x80\x80"), "????");  // beyond the last character
}

}  // namespace
}  // namespace xcp::hypervisor::libxl
