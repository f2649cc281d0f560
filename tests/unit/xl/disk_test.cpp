// SPDX-License-Identifier: GPL-2.0-or-later
// The disk syntax: every parameter, positional and named, and what is deprecated.
#include "xl/cfg/disk.hpp"

#include "refused.hpp"
#include "xl/cfg/domain_json.hpp"

namespace xcp::xl::cfg {
namespace {

// The JSON on one line, which has every field of interest.
std::string shown(const std::string& text) {
  std::string line;
  for (const char c : json_of(parse_disk(text)))
    if (c != '\n' && c != ' ' && c != '"') line += c;
  return line;
}

std::string error_of(const std::string& text) {
  return refused([&] { parse_disk(text); });
}

TEST(Disk, PositionalAndNamedAreTheSame) {
  const std::string same = "{pdev_path:/dev/vg/x,vdev:hda,format:raw,readwrite:1}";
  EXPECT_EQ(shown("/dev/vg/x,,hda"), same);
  EXPECT_EQ(shown("/dev/vg/x,raw,hda,rw"), same);
  EXPECT_EQ(shown("format=raw, vdev=hda, access=w, target=/dev/vg/x"), same);
  EXPECT_EQ(shown("raw:/dev/vg/x,hda,w"), same);
  EXPECT_EQ(shown("/dev/vg/x,,,,vdev=hda"), same);
  EXPECT_EQ(shown("/dev/vg/x,raw,hda,"), same);
  EXPECT_EQ(shown("/dev/vg/x,,hda:disk"), same);
}

TEST(Disk, CdDrives) {
  const std::string same = "{pdev_path:/i.iso,vdev:hdc,format:raw,removable:1,is_cdrom:1}";
  EXPECT_EQ(shown("/i.iso,,hdc,cdrom"), same);
  EXPECT_EQ(shown("/i.iso,,hdc,,cdrom"), same);
  EXPECT_EQ(shown("/i.iso,,hdc,w,cdrom"), same);
  EXPECT_EQ(shown("/i.iso,raw,hdc,devtype=cdrom"), same);
  EXPECT_EQ(shown("raw:/i.iso,hdc:cdrom,ro"), same);
  const std::string empty = "{pdev_path:,vdev:hdc,format:empty,removable:1,is_cdrom:1}";
  EXPECT_EQ(shown(",hdc:cdrom,r"), empty);
  EXPECT_EQ(shown(",,hdc,cdrom"), empty);
  EXPECT_EQ(shown("vdev=hdc,devtype=cdrom"), "{vdev:hdc,format:empty,removable:1,is_cdrom:1}");
}

TEST(Disk, TargetTakesTheRest) {
  EXPECT_EQ(parse_disk("vdev=xvda,target=/a b,c=d ").pdev_path, "/a b,c=d ");
  EXPECT_EQ(parse_disk("file:vdev=hda,target=/b").pdev_path, "/b");
  EXPECT_EQ(parse_disk("/a:b,,hda").pdev_path, "/a:b");
}

TEST(Disk, Formats) {
  for (const char* format : {"raw", "qcow", "qcow2", "vhd", "qed", "empty"})
    EXPECT_EQ(parse_disk(std::string("/a,") + format + ",hda").format, format);
  for (const char* format : {"raw", "qcow", "qcow2", "vhd"})
    EXPECT_EQ(parse_disk(std::string("tap:") + format + ":/a,hda,w").format, format);
}

TEST(Disk, NamedParameters) {
  const Disk disk = parse_disk(
      "/a,,hda,r,backendtype=qdisk,script=foo,backend=drv,specification=virtio,grant_usage=1");
  EXPECT_EQ(disk.backend, "qdisk");
  EXPECT_EQ(disk.script, "foo");
  EXPECT_EQ(disk.backend_domname, "drv");
  EXPECT_EQ(disk.specification, "virtio");
  EXPECT_EQ(disk.grant_usage, true);
  EXPECT_FALSE(disk.readwrite);
  for (const char* type : {"phy", "tap", "qdisk", "standalone"})
    EXPECT_EQ(parse_disk(std::string("/a,,hda,backendtype=") + type).backend, type);
}

TEST(Disk, Flags) {
  const Disk disk = parse_disk("/a,,hda,rw,direct-io-safe,discard,untrusted,colo");
  EXPECT_TRUE(disk.direct_io_safe);
  EXPECT_EQ(disk.discard_enable, true);
  EXPECT_EQ(disk.trusted, false);
  EXPECT_EQ(disk.colo_enable, true);
  const Disk other = parse_disk("/a,,hda,rw,no-discard,trusted,no-colo");
  EXPECT_EQ(other.discard_enable, false);
  EXPECT_EQ(other.trusted, true);
  EXPECT_EQ(other.colo_enable, false);
}

TEST(Disk, Colo) {
  const Disk disk =
      parse_disk("/a,,hda,colo-host=h,colo-port=9,colo-export=e,active-disk=/x,hidden-disk=/y");
  EXPECT_EQ(disk.colo_host, "h");
  EXPECT_EQ(disk.colo_port, 9);
  EXPECT_EQ(disk.colo_export, "e");
  EXPECT_EQ(disk.active_disk, "/x");
  EXPECT_EQ(disk.hidden_disk, "/y");
}

TEST(Disk, DeprecatedPrefixes) {
  for (const char* prefix : {"tapdisk", "tap", "tap2", "aio", "ioemu", "file", "phy"}) {
    const Disk disk = parse_disk(std::string(prefix) + ":vg/x,hda,w");
    EXPECT_EQ(disk.pdev_path, "vg/x") << prefix;
    EXPECT_FALSE(disk.script);
  }
  for (const char* prefix : {"iscsi", "nbd", "enbd", "drbd"})
    EXPECT_EQ(parse_disk(std::string(prefix) + ":x,hda,w").script, std::string("block-") + prefix);
  EXPECT_EQ(parse_disk("nbd:host:9,hda,w").pdev_path, "host:9");
  EXPECT_EQ(parse_disk("nbd:raw:x,hda,w").pdev_path, "x");
}

TEST(Disk, Refusals) {
  EXPECT_EQ(error_of("/a"), "disk: a vdev is missing in `/a'");
  EXPECT_EQ(error_of(""), "disk: a vdev is missing in `'");
  EXPECT_NE(error_of("vdev=hda").find("a target is missing"), std::string::npos);
  EXPECT_NE(error_of("/a,foo,hda").find("format cannot be `foo'"), std::string::npos);
  EXPECT_NE(error_of("/a,,hda,x").find("access cannot be `x'"), std::string::npos);
  EXPECT_NE(error_of("/a,,hda,rw,bar").find("one positional parameter too many"),
            std::string::npos);
  EXPECT_NE(error_of("/a,,hda,rw,,").find("one positional"), std::string::npos);
  EXPECT_NE(error_of("/a,,hda,foo=bar").find("no parameter `foo=bar'"), std::string::npos);
  EXPECT_NE(error_of("/a,,hda,vdev=hdb").find("vdev is given twice"), std::string::npos);
  EXPECT_NE(error_of("/a,,hda,format=qcow2").find("format is given twice"), std::string::npos);
  EXPECT_NE(error_of("/a,,hda,target=/b").find("target is given twice"), std::string::npos);
  EXPECT_NE(error_of("foo:/a,,hda").find("prefix `foo:' is unknown"), std::string::npos);
  EXPECT_NE(error_of("/a,,hda,devtype=x").find("devtype cannot be `x'"), std::string::npos);
  EXPECT_NE(error_of("/a,,hda,backendtype=x").find("backendtype cannot"), std::string::npos);
  EXPECT_NE(error_of("/a,,hda,specification=x").find("specification cannot"), std::string::npos);
  EXPECT_NE(error_of("/a,,hda,colo-port=x").find("colo-port cannot"), std::string::npos);
  EXPECT_NE(error_of("/a,,hda,grant_usage=2").find("grant_usage cannot"), std::string::npos);
}

TEST(Disk, Positions) {
  EXPECT_EQ(position_of("hda"), 0);
  EXPECT_EQ(position_of("xvdc"), 2);
  EXPECT_EQ(position_of("sdz"), 25);
  EXPECT_EQ(position_of("xvdaa"), 26);
  EXPECT_EQ(position_of("7"), 7);
  for (const char* none : {"", "hd", "xvda1", "zzz", "xvdaaa", "1000", "vda"})
    EXPECT_EQ(position_of(none), std::nullopt) << none;
}

}  // namespace
}  // namespace xcp::xl::cfg
