// SPDX-License-Identifier: GPL-2.0-or-later
// Repositories and images that somebody else prepared, or that lost a part: nothing outside of the
// repository is opened, the rest of it goes on working, and nothing is removed on a guess.
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/fd.hpp"
#include "base/process.hpp"
#include "base/ref.hpp"
#include "sm/qcow2_header.hpp"
#include "world.hpp"

namespace xcp::sm::test {
namespace {

void put(const std::string& path, const std::string& content) {
  std::ofstream(path, std::ios::binary) << content;
}

void qemu_img(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"qemu-img"});
  Command command;
  command.argv = std::move(arguments);
  run_checked(command);
}

class Hostile : public ::testing::Test {
 protected:
  void SetUp() override {
    sr_ = world_.file_sr();
    good_ = world_->vdi_create(sr_.uuid, disk(MiB, "good")).uuid;
  }
  std::string record(const std::string& vdi) { return world_.dir / ("sr/vdis/" + vdi + ".json"); }
  std::string node(const std::string& name) { return world_.dir / ("sr/nodes/" + name); }
  std::string image_of(const std::string& vdi) { return world_->vdi_source(sr_.uuid, vdi).path; }

  std::map<std::string, VdiInfo> scan() {
    std::map<std::string, VdiInfo> all;
    for (VdiInfo& info : world_->sr_scan(sr_.uuid)) all[info.uuid] = info;
    return all;
  }
  void expect_good_disk_works() {
    world_->vdi_attach(sr_.uuid, good_, "check", true);
    world_->vdi_detach(sr_.uuid, good_, "check");
  }
  void expect_unusable(const std::string& vdi) {
    EXPECT_FAILURE("SR_BACKEND_FAILURE_46", world_->vdi_attach(sr_.uuid, vdi, "p", true));
    EXPECT_FAILURE("SR_BACKEND_FAILURE_46", world_->vdi_attach(sr_.uuid, vdi, "p", false));
    EXPECT_FAILURE("SR_BACKEND_FAILURE_46", world_->vdi_copy(sr_.uuid, vdi, sr_.uuid, {}));
    EXPECT_TRUE(world_->data_paths().empty());
  }

  World world_;
  SrSpec sr_;
  std::string good_;
};

std::string json_record(const std::string& node, const std::string& more = "") {
  return R"({"version":1,"name":"n","type":"user","node":")" + node + "\"" + more + "}";
}

TEST_F(Hostile, DamagedRecordsAreListedAndNothingIsRemoved) {
  const std::string some_node = make_uuid() + ".qcow2";
  const std::vector<std::string> contents = {
      "",
      "{",
      "null",
      "[]",
      std::string(100, '['),
      std::string("\x00\x01\xff", 3),
      json_record("../../../etc/passwd"),
      json_record("/etc/passwd"),
      json_record(some_node + "/../x"),
      json_record("nbd:localhost:10809"),
      json_record(some_node, R"(,"surprise":1)"),
      json_record(some_node, R"(,"virtual_size":"many")"),
      json_record(some_node, R"(,"virtual_size":99999999999999999999)"),
      json_record(some_node, ",\"description\":\"\xff\xfe\""),
      R"({"version":2,"node":")" + some_node + "\"}",
      std::string(2 << 20, ' '),
  };
  std::vector<std::string> bad;
  for (const std::string& content : contents) {
    bad.push_back(make_uuid());
    put(record(bad.back()), content);
  }
  bad.push_back(make_uuid());
  ASSERT_EQ(symlink("/etc/passwd", record(bad.back()).c_str()), 0);
  bad.push_back(make_uuid());
  ASSERT_EQ(mkfifo(record(bad.back()).c_str(), 0600), 0);
  bad.push_back(make_uuid());
  ASSERT_EQ(mkdir(record(bad.back()).c_str(), 0700), 0);
  put(world_.dir / "sr/vdis/not a uuid.json", "{}");
  // Perhaps one of the damaged records is about this one.
  const std::string orphan = make_uuid() + ".raw";
  put(node(orphan), "content");

  world_.restart();
  auto all = scan();
  EXPECT_EQ(all.size(), bad.size() + 1);
  for (const std::string& vdi : bad) {
    ASSERT_TRUE(all.contains(vdi));
    EXPECT_TRUE(all[vdi].sm_config.contains("damaged"));
    EXPECT_TRUE(all[vdi].read_only);
    expect_unusable(vdi);
    EXPECT_FAILURE("SR_BACKEND_FAILURE_46", world_->vdi_set(sr_.uuid, vdi, {{"name", "n"}}));
  }
  expect_good_disk_works();
  world_->vdi_destroy(sr_.uuid, world_->vdi_create(sr_.uuid, disk(MiB)).uuid);
  EXPECT_TRUE(tree(world_.dir / "sr/nodes").contains(orphan));

  // Who removes the damaged ones says that nothing of them is needed.
  for (const std::string& vdi : bad)
    if (std::filesystem::is_directory(record(vdi)))
      std::filesystem::remove(record(vdi));
    else
      world_->vdi_destroy(sr_.uuid, vdi);
  EXPECT_EQ(scan().size(), 1u);
  EXPECT_EQ(tree(world_.dir / "sr/nodes").size(), 1u);
}

TEST_F(Hostile, ImagesThatLeadElsewhereAreNotFollowed) {
  const std::string secret = world_.dir / "secret";
  put(secret, std::string(MiB, 's'));
  const std::string absolute = world_->vdi_create(sr_.uuid, disk(MiB)).uuid;
  const std::string protocol = world_->vdi_create(sr_.uuid, disk(MiB)).uuid;
  const std::string upwards = world_->vdi_create(sr_.uuid, disk(MiB)).uuid;
  const std::string lying = world_->vdi_create(sr_.uuid, disk(MiB)).uuid;
  const std::string external = world_->vdi_create(sr_.uuid, disk(MiB)).uuid;
  const std::string link = world_->vdi_create(sr_.uuid, disk(MiB)).uuid;
  const std::string fifo = world_->vdi_create(sr_.uuid, disk(MiB)).uuid;
  const auto overlay = [&](const std::string& vdi, const std::string& backing,
                           const std::string& format) {
    qemu_img(
        {"create", "-q", "-u", "-f", "qcow2", "-b", backing, "-F", format, image_of(vdi), "1M"});
  };
  overlay(absolute, secret, "raw");
  overlay(protocol,
          R"(json:{"driver":"raw","file":{"driver":"file","filename":")" + secret + "\"}}", "raw");
  overlay(upwards, "../../secret", "raw");
  // A guest could have written a header into its raw disk.
  VdiSpec raw = disk(MiB);
  raw.format = ImageFormat::raw;
  const std::string raw_disk = world_->vdi_create(sr_.uuid, raw).uuid;
  overlay(lying, std::filesystem::path(image_of(raw_disk)).filename(), "qcow2");
  std::filesystem::remove(image_of(external));
  qemu_img({"create", "-q", "-f", "qcow2", "-o", "data_file=" + (world_.dir / "data"),
            image_of(external), "1M"});
  std::filesystem::remove(image_of(link));
  ASSERT_EQ(symlink(secret.c_str(), image_of(link).c_str()), 0);
  std::filesystem::remove(image_of(fifo));
  ASSERT_EQ(mkfifo(image_of(fifo).c_str(), 0600), 0);

  const auto before = tree(world_.dir / "sr/nodes");
  for (const bool restarted : {false, true}) {
    if (restarted) world_.restart();
    for (const std::string& vdi : {absolute, protocol, upwards, lying, external, link, fifo})
      expect_unusable(vdi);
    expect_good_disk_works();
    EXPECT_EQ(scan().size(), 9u);
    EXPECT_EQ(tree(world_.dir / "sr/nodes"), before);
  }
  EXPECT_EQ(std::filesystem::file_size(secret), static_cast<std::uintmax_t>(MiB));
}

TEST_F(Hostile, MissingAndTruncatedImagesHarmOnlyTheirDisk) {
  const std::string cut = world_->vdi_create(sr_.uuid, disk(MiB, "cut")).uuid;
  const std::string gone = world_->vdi_create(sr_.uuid, disk(MiB, "gone")).uuid;
  const std::string above = world_->vdi_clone(sr_.uuid, gone, named("above")).uuid;
  const std::string orphan = make_uuid() + ".raw";
  put(node(orphan), "content");
  std::filesystem::resize_file(image_of(cut), 50);
  std::filesystem::remove(image_of(gone));
  world_.restart();
  const auto all = scan();
  EXPECT_EQ(all.size(), 4u);
  // The size is still told, so that nobody believes the disk shrank.
  EXPECT_EQ(all.at(cut).virtual_size, MiB);
  EXPECT_EQ(all.at(gone).virtual_size, MiB);
  for (const std::string& vdi : {cut, gone, above}) expect_unusable(vdi);
  expect_good_disk_works();
  EXPECT_TRUE(tree(world_.dir / "sr/nodes").contains(orphan));
  for (const std::string& vdi : {cut, above, gone}) world_->vdi_destroy(sr_.uuid, vdi);
  EXPECT_EQ(scan().size(), 1u);
  EXPECT_EQ(tree(world_.dir / "sr/nodes").size(), 1u);
}

TEST_F(Hostile, ImagesThatStandOnThemselvesEnd) {
  const std::string a = world_->vdi_create(sr_.uuid, disk(MiB)).uuid;
  const std::string name = std::filesystem::path(image_of(a)).filename();
  qemu_img({"create", "-q", "-u", "-f", "qcow2", "-b", name, "-F", "qcow2", image_of(a), "1M"});
  world_.restart();
  expect_unusable(a);
  expect_good_disk_works();
  world_->vdi_destroy(sr_.uuid, a);
  EXPECT_EQ(scan().size(), 1u);
}

TEST_F(Hostile, DirectoriesOfOthersAreRefused) {
  SrSpec other = sr_;
  other.uuid = make_uuid();
  EXPECT_FAILURE("SR_BACKEND_FAILURE_42", world_->sr_create(other, 0));
  EXPECT_FAILURE("SR_BACKEND_FAILURE_47", world_->sr_plug(other));
  for (const char* location : {"", "relative", "/", "/tmp/../etc"}) {
    other.device_config = {{"location", location}};
    EXPECT_NE("", failure_of([&] { world_->sr_create(other, 0); })) << location;
    EXPECT_NE("", failure_of([&] { world_->sr_plug(other); })) << location;
  }
  other.device_config = {};
  EXPECT_FAILURE("SR_BACKEND_FAILURE_94", world_->sr_create(other, 0));
  EXPECT_EQ(world_->srs(), std::vector<std::string>{sr_.uuid});
}

TEST_F(Hostile, OneRepositoryIsServedByOneProcess) {
  World second;
  SrSpec same = sr_;
  EXPECT_FAILURE("SR_DEVICE_IN_USE", second->sr_plug(same));
  EXPECT_TRUE(second->srs().empty());
  world_->sr_unplug(sr_.uuid);
  second->sr_plug(same);
  EXPECT_FAILURE("SR_DEVICE_IN_USE", world_->sr_plug(sr_));
  EXPECT_THROW(make_local_storage(second.settings()), Failure);
}

TEST_F(Hostile, DestroyTouchesOnlyWhatIsOurs) {
  const std::string mine = world_.dir / "sr/keep me";
  put(mine, "precious");
  world_->sr_destroy(sr_);
  EXPECT_EQ(tree(world_.dir / "sr"), std::set<std::string>{"keep me"});
}

TEST_F(Hostile, DamagedStateFilesAreReported) {
  world_.stop();
  put(world_.dir / ("state/storage/srs/" + sr_.uuid + ".json"), "{");
  put(world_.dir / ("state/storage/srs/" + make_uuid() + ".json"), "");
  world_.start();
  EXPECT_TRUE(world_->srs().empty());
  world_.stop();
  EXPECT_EQ(world_.reports.size(), 2u);
  world_.start();
  world_->sr_plug(sr_);
  EXPECT_EQ(scan().size(), 1u);
}

TEST_F(Hostile, AnSrThatCannotBePluggedAgainCanBeForgotten) {
  world_.stop();
  std::filesystem::rename(world_.dir / "sr", world_.dir / "elsewhere");
  world_.start();
  EXPECT_TRUE(world_->srs().empty());
  EXPECT_FAILURE("SR_NOT_ATTACHED", scan());
  world_->sr_unplug(sr_.uuid);
  EXPECT_FAILURE("SR_NOT_ATTACHED", world_->sr_unplug(sr_.uuid));
  world_.stop();
  EXPECT_EQ(world_.reports.size(), 1u);
  world_.start();
  EXPECT_TRUE(world_->srs().empty());
  EXPECT_EQ(world_.reports.size(), 1u);
  std::filesystem::rename(world_.dir / "elsewhere", world_.dir / "sr");
  world_->sr_plug(sr_);
  EXPECT_EQ(scan().size(), 1u);
}

TEST_F(Hostile, NamesThatAreNoTextAreRefused) {
  const SrSpec dummy = world_.dummy_sr();
  for (const SrSpec& sr : {sr_, dummy}) {
    const auto before = world_->sr_scan(sr.uuid).size();
    EXPECT_FAILURE("INTERNAL_ERROR", world_->vdi_create(sr.uuid, disk(MiB, "\xff\xfe")));
    EXPECT_EQ(world_->sr_scan(sr.uuid).size(), before);
  }
  world_.restart();
  EXPECT_EQ(world_->srs().size(), 2u);
  EXPECT_EQ(scan().size(), 1u);
}

// --- ready-made images
// -----------------------------------------------------------------------------

class ReadyImage : public Hostile {
 protected:
  void SetUp() override {
    Hostile::SetUp();
    std::filesystem::create_directories(world_.dir / "images");
  }
  std::string image(const std::string& name) { return world_.dir / ("images/" + name + ".qcow2"); }
  VdiInfo filled(const std::string& name, std::int64_t size = 0,
                 ImageFormat format = ImageFormat::qcow2) {
    VdiSpec spec = disk(size);
    spec.format = format;
    spec.sm_config = {{"image", name}};
    return world_->vdi_create(sr_.uuid, spec);
  }
  void expect_refused(const std::string& name, const std::string& code) {
    const auto before = tree(world_.dir / "sr");
    EXPECT_FAILURE(code, filled(name, 8 * MiB)) << name;
    EXPECT_EQ(tree(world_.dir / "sr"), before) << name;
  }
};

TEST_F(ReadyImage, FillsADisk) {
  qemu_img({"create", "-q", "-f", "qcow2", image("debian-12.1"), "4M"});
  const DiskSource original{image("debian-12.1"), ImageFormat::qcow2, false};
  fill(original, MiB, MiB, 9);
  for (const ImageFormat format : {ImageFormat::qcow2, ImageFormat::raw}) {
    const VdiInfo same = filled("debian-12.1", 0, format);
    EXPECT_EQ(same.virtual_size, 4 * MiB);
    EXPECT_EQ(same.sm_config.at("image"), "debian-12.1");
    const DiskSource source = world_->vdi_source(sr_.uuid, same.uuid);
    EXPECT_EQ(source.format, format);
    EXPECT_EQ(checksum(source), checksum(original));
    const VdiInfo larger = filled("debian-12.1", 16 * MiB, format);
    EXPECT_EQ(larger.virtual_size, 16 * MiB);
    expect_pattern(world_->vdi_source(sr_.uuid, larger.uuid), MiB, MiB, 9);
    expect_pattern(world_->vdi_source(sr_.uuid, larger.uuid), 4 * MiB, 12 * MiB, 0);
    EXPECT_TRUE(clean(world_->vdi_source(sr_.uuid, larger.uuid)));
    EXPECT_FAILURE("VDI_TOO_SMALL", filled("debian-12.1", 2 * MiB, format));
  }
  // The disks do not need the image any more.
  std::filesystem::remove_all(world_.dir / "images");
  for (const auto& [uuid, info] : scan()) {
    world_->vdi_attach(sr_.uuid, uuid, "p", true);
    EXPECT_TRUE(clean(world_->vdi_source(sr_.uuid, uuid)));
  }
  EXPECT_EQ(tree(world_.dir / "sr/nodes").size(), 5u);
}

TEST_F(ReadyImage, FillsADiskOnAnotherFileSystem) {
  const std::string images = world_.dir / "images";
  if (mount("tmpfs", images.c_str(), "tmpfs", 0, "size=16m") != 0)
    XCP_CANNOT_RUN("mount", "tmpfs cannot be mounted here");
  qemu_img({"create", "-q", "-f", "qcow2", image("a"), "8M"});
  const DiskSource original{image("a"), ImageFormat::qcow2, false};
  fill(original, MiB, 3 * MiB, 9);
  const std::string sum = checksum(original);
  const VdiInfo same = filled("a");
  umount2(images.c_str(), MNT_DETACH);
  EXPECT_EQ(checksum(world_->vdi_source(sr_.uuid, same.uuid)), sum);
}

TEST_F(ReadyImage, NamesNeverLeaveTheDirectory) {
  qemu_img({"create", "-q", "-f", "qcow2", world_.dir / "outside.qcow2", "1M"});
  ASSERT_EQ(symlink((world_.dir / "outside.qcow2").c_str(), image("absolute-link").c_str()), 0);
  ASSERT_EQ(symlink("../outside.qcow2", image("relative-link").c_str()), 0);
  ASSERT_EQ(mkfifo(image("fifo").c_str(), 0600), 0);
  ASSERT_EQ(mkdir(image("directory").c_str(), 0700), 0);
  for (const char* name :
       {"../outside", "..", ".", "", "/etc/passwd", "a/b", "UPPER", "a b", "a\nb", "-o",
        "absolute-link", "relative-link", "fifo", "directory", "missing", "%2e%2e"})
    expect_refused(name, "SR_BACKEND_FAILURE_78");
  expect_refused(std::string("nul\0byte", 8), "SR_BACKEND_FAILURE_78");
}

TEST_F(ReadyImage, ImagesThatNeedOthersAreRefused) {
  const std::string secret = world_.dir / "secret";
  put(secret, std::string(MiB, 's'));
  qemu_img({"create", "-q", "-u", "-f", "qcow2", "-b", secret, "-F", "raw", image("backed"), "1M"});
  qemu_img({"create", "-q", "-u", "-f", "qcow2", "-b", "json:{\"driver\":\"null-co\"}", "-F", "raw",
            image("json"), "1M"});
  qemu_img({"create", "-q", "-f", "qcow2", "-o", "data_file=" + (world_.dir / "data"),
            image("external"), "1M"});
  qemu_img({"create", "-q", "-f", "qcow2", image("encrypted"), "1M"});
  std::string bytes = read_file(image("encrypted")).value();
  constexpr std::size_t low_byte_of_encryption_method = 35;
  bytes[low_byte_of_encryption_method] = 2;
  put(image("encrypted"), bytes);
  qemu_img({"create", "-q", "-f", "raw", image("raw"), "1M"});
  put(image("empty"), "");
  put(image("text"), "QFI");
  qemu_img({"create", "-q", "-f", "qcow2", image("cut"), "1M"});
  std::filesystem::resize_file(image("cut"), 90);
  for (const char* name :
       {"backed", "json", "external", "encrypted", "raw", "empty", "text", "cut"})
    expect_refused(name, "SR_BACKEND_FAILURE_66");
}

// --- the header parser
// -----------------------------------------------------------------------------

class Header : public ::testing::Test {
 protected:
  std::string made(std::vector<std::string> options) {
    const std::string path = dir_ / "image";
    std::filesystem::remove(path);
    options.insert(options.begin(), {"create", "-q", "-f", "qcow2"});
    options.insert(options.end(), {path, "3M"});
    qemu_img(options);
    return read_file(path)->substr(0, qcow2_header_bytes);
  }
  TempDir dir_;
};

TEST_F(Header, ReadsWhatQemuWrites) {
  for (const char* version : {"compat=1.1", "compat=0.10"}) {
    const Qcow2Header plain = parse_qcow2_header(made({"-o", version}));
    EXPECT_EQ(plain.virtual_size, 3 * MiB);
    EXPECT_EQ(plain.backing_file, "");
    EXPECT_FALSE(plain.external_data || plain.encrypted || plain.damaged);
    const Qcow2Header overlay =
        parse_qcow2_header(made({"-o", version, "-u", "-b", "some file", "-F", "raw"}));
    EXPECT_EQ(overlay.backing_file, "some file");
    EXPECT_EQ(overlay.backing_format, "raw");
  }
  EXPECT_TRUE(parse_qcow2_header(made({"-o", "data_file=" + (dir_ / "data")})).external_data);
  EXPECT_FALSE(
      parse_qcow2_header(made({"-o", "compression_type=zstd,extended_l2=on"})).external_data);
}

TEST_F(Header, SurvivesEveryCutAndEveryChangedByte) {
  const std::string good = made({"-u", "-b", "some file", "-F", "raw"});
  int refused = 0;
  const auto try_it = [&](const std::string& bytes) {
    try {
      parse_qcow2_header(bytes);
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), "INTERNAL_ERROR");
      ++refused;
    }
  };
  for (std::size_t size = 0; size < 600; ++size) try_it(good.substr(0, size));
  EXPECT_GE(refused, 500);
  for (std::size_t at = 0; at < 600; ++at)
    for (const int value : {0x00, 0x01, 0x7f, 0x80, 0xff}) {
      std::string changed = good;
      changed[at] = static_cast<char>(value);
      try_it(changed);
    }
}

}  // namespace
}  // namespace xcp::sm::test
