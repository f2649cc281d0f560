// SPDX-License-Identifier: GPL-2.0-or-later
// The parts of the Xen driver that need no Xen: names of disks, the kind of domain, what is
// refused, which backend serves a disk, what QEMU tells of its disks.
#include <gtest/gtest.h>

#include "base/failure.hpp"
#include "hypervisor/libxl/domain_config.hpp"
#include "hypervisor/libxl/qemu_traffic.hpp"

namespace xcp::hypervisor::libxl {
namespace {

TEST(DiskNames, AreThoseOfTheKindAndLeadBack) {
  EXPECT_EQ(disk_name("0", DomainKind::pv), "xvda");
  EXPECT_EQ(disk_name("3", DomainKind::pvh), "xvdd");
  EXPECT_EQ(disk_name("3", DomainKind::hvm), "hdd");
  EXPECT_EQ(disk_name("4", DomainKind::hvm), "xvde");
  EXPECT_EQ(disk_name("26", DomainKind::pv), "xvdaa");
  for (int device = 0; device < 256; ++device)
    for (const DomainKind kind : {DomainKind::pv, DomainKind::pvh, DomainKind::hvm}) {
      const std::string number = std::to_string(device);
      EXPECT_EQ(device_of_disk_name(disk_name(number, kind)), number);
    }
  for (const char* name : {"", "sda", "xvd", "xvdA", "xvdabc", "hd1"})
    EXPECT_EQ(device_of_disk_name(name), std::nullopt) << name;
}

TEST(DomainKinds, ComeFromThePlatformOrTheKernel) {
  VmSpec spec;
  EXPECT_EQ(kind_of(spec), DomainKind::hvm);
  spec.direct_kernel = DirectKernel{};
  EXPECT_EQ(kind_of(spec), DomainKind::pvh);
  spec.firmware = Firmware::uefi;
  EXPECT_EQ(kind_of(spec), DomainKind::hvm);
  spec.platform["domain_type"] = "pv";
  EXPECT_EQ(kind_of(spec), DomainKind::pv);
  spec.platform["domain_type"] = "other";
  EXPECT_THROW(kind_of(spec), Failure);
}

TEST(Refusals, NameWhatXenCannotDo) {
  VmSpec spec;
  spec.platform["domain_type"] = "pv";
  EXPECT_NO_THROW(check_for_xen(spec));
  spec.nics.emplace_back().backing = NicBacking::user;
  EXPECT_THROW(check_for_xen(spec), Failure);
  spec.nics.clear();
  spec.disks.emplace_back().device = "0";
  spec.disks[0].format = DiskFormat::qcow2;
  EXPECT_NO_THROW(check_for_xen(spec));
  spec.disks[0].read_only = true;
  EXPECT_THROW(check_for_xen(spec), Failure);
  spec.disks.clear();
  spec.firmware = Firmware::uefi;
  EXPECT_THROW(check_for_xen(spec), Failure);
}

libxl_disk_backend backend_of(const DiskSpec& disk, DomainKind kind) {
  DiskDevice device;
  fill_disk(device.value, disk, kind);
  return device.value.backend;
}

TEST(Backends, FilesAreQemusDevicesAndReadOnlyFilesTheKernels) {
  DiskSpec disk;
  disk.device = "0";
  disk.path = "/dev/null";  // no block device
  EXPECT_EQ(backend_of(disk, DomainKind::pv), LIBXL_DISK_BACKEND_QDISK);
  disk.read_only = true;
  EXPECT_EQ(backend_of(disk, DomainKind::pv), LIBXL_DISK_BACKEND_PHY);
  EXPECT_EQ(backend_of(disk, DomainKind::hvm), LIBXL_DISK_BACKEND_QDISK);
  DiskDevice device;
  fill_disk(device.value, disk, DomainKind::pv);
  EXPECT_EQ(device.value.readwrite, 0);
  EXPECT_STREQ(device.value.pdev_path, "/dev/null");
}

TEST(EmptyDrives, AreDevicesInHvmDomainsOnly) {
  DiskSpec drive;
  drive.device = "3";
  drive.cdrom = true;
  EXPECT_TRUE(is_empty_drive_without_device(drive, DomainKind::pv));
  EXPECT_FALSE(is_empty_drive_without_device(drive, DomainKind::hvm));
  drive.path = "/medium.iso";
  EXPECT_FALSE(is_empty_drive_without_device(drive, DomainKind::pv));
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

}  // namespace
}  // namespace xcp::hypervisor::libxl
