// SPDX-License-Identifier: GPL-2.0-or-later
// See world.hpp.
#include "world.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/process.hpp"
#include "base/ref.hpp"
#include "sm/images.hpp"

namespace xcp::sm::test {

namespace {

std::string run_tool(std::vector<std::string> argv) {
  Command command;
  command.argv = std::move(argv);
  return run_checked(command);
}

std::string qemu_io(const DiskSource& source, const std::string& request) {
  return run_tool({"qemu-io", "-f", format_name(source.format), "-c", request, source.path});
}

}  // namespace

TempDir::TempDir() {
  char name[] = "/tmp/xcp-sm-test-XXXXXX";
  if (mkdtemp(name) == nullptr) throw internal_error("mkdtemp");
  path_ = name;
}

TempDir::~TempDir() {
  std::filesystem::remove_all(path_);
}

LoopDevice::LoopDevice(const std::string& file, std::int64_t size) {
  const UniqueFd fd(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd || ftruncate(fd.get(), size) != 0) throw internal_error("cannot make " + file);
  Command command;
  command.argv = {"losetup", "-f", "--show", file};
  const Outcome outcome = run(command);
  if (outcome.exit_status == 0) device_ = outcome.output.substr(0, outcome.output.find('\n'));
}

LoopDevice::~LoopDevice() {
  if (!ok()) return;
  Command command;
  command.argv = {"losetup", "-d", device_};
  run(command);
}

bool required(const std::string& what) {
  const char* list = std::getenv("REQUIRE");
  return list != nullptr &&
         (',' + std::string(list) + ',').find(',' + what + ',') != std::string::npos;
}

World::~World() {
  stop();
  const std::string mounts = dir / "state/storage/mnt";
  if (!std::filesystem::exists(mounts)) return;
  for (const auto& entry : std::filesystem::directory_iterator(mounts))
    umount2(entry.path().c_str(), MNT_DETACH);
}

SrSpec World::ext_sr() {
  devices_.push_back(
      std::make_unique<LoopDevice>(dir / ("device" + std::to_string(devices_.size())), 128 * MiB));
  SrSpec spec{"", "ext", {{"device", devices_.back()->path()}}, "tests", ""};
  if (!devices_.back()->ok()) return spec;
  spec.uuid = make_uuid();
  storage_->sr_create(spec, 0);
  storage_->sr_plug(spec);
  return spec;
}

SrSpec World::sr_of_kind(const std::string& kind) {
  if (kind == "file") return file_sr();
  if (kind == "dummy") return dummy_sr();
  return ext_sr();
}

Settings World::settings() {
  Settings settings;
  settings.state_dir = dir / "state";
  settings.image_dir = dir / "images";
  settings.report = [this](const std::string& text) {
    std::lock_guard lock(reports_mutex_);
    reports.push_back(text);
  };
  return settings;
}

SrSpec World::file_sr(const std::string& directory) {
  SrSpec spec{make_uuid(), "file", {{"location", dir / directory}}, "tests", ""};
  storage_->sr_create(spec, 0);
  storage_->sr_plug(spec);
  return spec;
}

SrSpec World::dummy_sr() {
  SrSpec spec{make_uuid(), "dummy", {}, "tests", ""};
  storage_->sr_create(spec, 0);
  storage_->sr_plug(spec);
  return spec;
}

VdiSpec disk(std::int64_t size, const std::string& name) {
  VdiSpec spec;
  spec.name = name;
  spec.virtual_size = size;
  return spec;
}

VdiSpec named(const std::string& name) {
  return disk(0, name);
}

void fill(const DiskSource& source, std::int64_t from_bytes, std::int64_t bytes, int pattern) {
  qemu_io(source, "write -P " + std::to_string(pattern) + ' ' + std::to_string(from_bytes) + ' ' +
                      std::to_string(bytes));
}

void expect_pattern(const DiskSource& source, std::int64_t from_bytes, std::int64_t bytes,
                    int pattern) {
  const std::string said =
      qemu_io(source, "read -P " + std::to_string(pattern) + ' ' + std::to_string(from_bytes) +
                          ' ' + std::to_string(bytes));
  EXPECT_EQ(said.find("Pattern verification failed"), std::string::npos)
      << source.path << " does not hold " << pattern << " at " << from_bytes;
  EXPECT_NE(said.find("read "), std::string::npos) << said;
}

std::string checksum(const DiskSource& source) {
  TempDir scratch;
  const std::string raw = scratch / "raw";
  run_tool(
      {"qemu-img", "convert", "-f", format_name(source.format), "-O", "raw", source.path, raw});
  return run_tool({"sha256sum", raw}).substr(0, 64);
}

bool clean(const DiskSource& source) {
  if (source.format == ImageFormat::raw) return true;
  Command command;
  command.argv = {"qemu-img", "check", "-q", "-f", "qcow2", source.path};
  return run(command).exit_status == 0;
}

std::set<std::string> tree(const std::string& path) {
  std::set<std::string> names;
  if (!std::filesystem::exists(path)) return names;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path))
    names.insert(entry.path().lexically_relative(path));
  return names;
}

std::string failure_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const Failure& failure) {
    return failure.code();
  }
  return "";
}

}  // namespace xcp::sm::test
