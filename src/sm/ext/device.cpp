// SPDX-License-Identifier: GPL-2.0-or-later
// blkid, mkfs.ext4, tune2fs and wipefs as programs; mount and umount as system calls.
#include "sm/ext/device.hpp"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>

#include "base/fd.hpp"
#include "base/process.hpp"
#include "sm/failures.hpp"

namespace xcp::sm {

namespace {

struct stat status_of_device(const std::string& device) {
  struct stat status {};
  if (stat(device.c_str(), &status) != 0 || !S_ISBLK(status.st_mode))
    throw backend_failure(BackendError::device_invalid, device + " is not a block device");
  return status;
}

void run_on_device(std::vector<std::string> argv, std::chrono::minutes timeout) {
  Command command;
  command.argv = std::move(argv);
  command.timeout = timeout;
  try {
    run_checked(command);
  } catch (const Failure& failure) {
    throw backend_failure(BackendError::filesystem, failure.params().front());
  }
}

struct stat status_of_directory(const std::string& directory) {
  struct stat status {};
  if (stat(directory.c_str(), &status) != 0) throw system_failure("stat " + directory, errno);
  return status;
}

}  // namespace

std::map<std::string, std::string> signature_of(const std::string& device) {
  status_of_device(device);
  Command command;
  command.argv = {"blkid", "-p", "-o", "export", device};
  command.timeout = std::chrono::minutes(1);
  const Outcome outcome = run(command);
  constexpr int nothing_found = 2;
  if (outcome.exit_status == nothing_found) return {};
  constexpr int several_found = 8;
  if (outcome.exit_status == several_found) return {{"TYPE", "several file systems"}};
  if (outcome.exit_status != 0)
    throw backend_failure(BackendError::device_invalid,
                          "what is on " + device + " cannot be told: " + outcome.errors);
  std::map<std::string, std::string> found;
  std::istringstream lines(outcome.output);
  for (std::string line; std::getline(lines, line);)
    if (const auto equals = line.find('='); equals != std::string::npos)
      found[line.substr(0, equals)] = line.substr(equals + 1);
  found.erase("DEVNAME");
  return found;
}

void check_free_block_device(const std::string& device) {
  status_of_device(device);
  const UniqueFd fd(open(device.c_str(), O_RDWR | O_EXCL | O_CLOEXEC));
  if (fd) return;
  if (errno == EBUSY) throw Failure("SR_DEVICE_IN_USE");
  throw backend_failure(BackendError::device_invalid,
                        device + " cannot be opened: " + system_failure("open", errno).params()[0]);
}

void make_file_system(const std::string& device, const std::string& uuid) {
  run_on_device({"mkfs.ext4", "-q", "-F", "-m", "0", "-U", uuid, "-L", unfinished_sr_label, device},
                std::chrono::minutes(30));
}

void label_file_system(const std::string& device, const std::string& label) {
  run_on_device({"tune2fs", "-L", label, device}, std::chrono::minutes(5));
}

void wipe_signatures(const std::string& device) {
  run_on_device({"wipefs", "-q", "-a", device}, std::chrono::minutes(5));
}

bool is_mount_point(const std::string& directory) {
  struct stat inside {};
  struct stat outside {};
  if (stat(directory.c_str(), &inside) != 0 || stat((directory + "/..").c_str(), &outside) != 0)
    return false;
  return inside.st_dev != outside.st_dev;
}

void mount_device(const std::string& device, const std::string& directory) {
  const struct stat block = status_of_device(device);
  if (mkdir(directory.c_str(), 0711) != 0 && errno != EEXIST)
    throw system_failure("create directory " + directory, errno);
  if (is_mount_point(directory)) {
    if (status_of_directory(directory).st_dev == block.st_rdev) return;
    throw backend_failure(BackendError::mount, "something else is mounted on " + directory);
  }
  if (mount(device.c_str(), directory.c_str(), "ext4", MS_NOSUID | MS_NODEV | MS_NOEXEC, "") == 0)
    return;
  const int error = errno;
  rmdir(directory.c_str());
  if (error == EBUSY) throw Failure("SR_DEVICE_IN_USE");
  throw backend_failure(BackendError::mount,
                        system_failure("mount " + device, error).params().front());
}

void unmount_directory(const std::string& directory) {
  if (is_mount_point(directory) && umount2(directory.c_str(), UMOUNT_NOFOLLOW) != 0) {
    if (errno == EBUSY) throw Failure("SR_DEVICE_IN_USE");
    throw backend_failure(BackendError::unmount,
                          system_failure("unmount " + directory, errno).params().front());
  }
  rmdir(directory.c_str());
}

void detach_directory(const std::string& directory) {
  if (is_mount_point(directory)) umount2(directory.c_str(), UMOUNT_NOFOLLOW | MNT_DETACH);
  rmdir(directory.c_str());
}

}  // namespace xcp::sm
