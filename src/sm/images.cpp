// SPDX-License-Identifier: GPL-2.0-or-later
// qemu-img runs through setpriv, so that it dies with us, and with limits on what it may use where
// it looks into an image that others made.
#include "sm/images.hpp"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>

#include "base/describe.hpp"
#include "base/process.hpp"
#include "sm/failures.hpp"

namespace xcp::sm {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto short_deadline = std::chrono::minutes(5);
// Not a limit on how long a copy may take (that is the stall below), only a bound for arithmetic.
constexpr auto long_deadline = std::chrono::hours(24 * 365);
constexpr auto longest_stall = std::chrono::minutes(10);
constexpr std::size_t copy_step = 8u << 20;

std::vector<std::string> bound_to_us(std::vector<std::string> arguments) {
  std::vector<std::string> argv = {"setpriv", "--no-new-privs", "--pdeathsig", "KILL", "--"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return argv;
}

// For programs that look into what others made.
std::vector<std::string> limited(std::vector<std::string> arguments) {
  std::vector<std::string> argv = {"prlimit", "--as=2147483648", "--cpu=20", "--core=0", "--"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return argv;
}

std::string last_line(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.pop_back();
  const auto line = text.rfind('\n');
  return line == std::string::npos ? text : text.substr(line + 1);
}

std::string run_qemu_img(Command command) {
  Outcome outcome = run(command);
  if (outcome.exit_status == 0) return std::move(outcome.output);
  std::string reason = last_line(outcome.errors);
  if (reason.empty()) reason = "qemu-img: exit status " + std::to_string(outcome.exit_status);
  throw internal_error(reason);
}

void qemu_img(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "qemu-img");
  Command command;
  command.argv = bound_to_us(std::move(arguments));
  command.timeout = short_deadline;
  run_qemu_img(std::move(command));
}

UniqueFd create_file(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd) throw system_failure("create " + path, errno);
  return fd;
}

struct stat status_of(int fd) {
  struct stat status;
  if (fstat(fd, &status) != 0) throw system_failure("fstat", errno);
  return status;
}

// "    (12.34/100%)" as qemu-img -p prints it.
std::optional<double> parse_progress(const std::string& line) {
  const auto open_bracket = line.find('(');
  if (open_bracket == std::string::npos || line.find("/100%)") == std::string::npos)
    return std::nullopt;
  return std::strtod(line.c_str() + open_bracket + 1, nullptr) / 100.0;
}

// Fails a copy that stands still. Both signs of life count, because a long hole moves the
// percentage and one percent of a large disk is many blocks.
class StallWatch {
 public:
  explicit StallWatch(const std::string& target) : target_(target) {}

  void check(double fraction) {
    const auto now = Clock::now();
    if (now < next_look_) return;
    next_look_ = now + std::chrono::seconds(1);
    struct stat status {};
    const bool there = stat(target_.c_str(), &status) == 0;
    const std::int64_t blocks = there ? status.st_blocks : 0;
    if (blocks != blocks_ || fraction != fraction_) {
      blocks_ = blocks;
      fraction_ = fraction;
      moved_ = now;
    } else if (now - moved_ > longest_stall) {
      throw internal_error("the copy to " + target_ + " made no progress for ten minutes");
    }
  }

 private:
  std::string target_;
  std::int64_t blocks_ = -1;
  double fraction_ = -1;
  Clock::time_point moved_ = Clock::now();
  Clock::time_point next_look_ = Clock::now();
};

// Copies up to `size` bytes at `offset` and returns how many, through our memory.
ssize_t copy_through_memory(int from, int to, off_t offset, std::size_t size) {
  std::string buffer(std::min<std::size_t>(size, 1u << 20), '\0');
  const ssize_t n = pread(from, buffer.data(), buffer.size(), offset);
  for (ssize_t done = 0; done < n;) {
    const ssize_t written =
        pwrite(to, buffer.data() + done, static_cast<std::size_t>(n - done), offset + done);
    if (written < 0 && errno != EINTR) return -1;
    if (written > 0) done += written;
  }
  return n;
}

ssize_t copy_some(int from, int to, off_t offset, std::size_t size) {
  off_t from_offset = offset;
  off_t to_offset = offset;
  const ssize_t n = copy_file_range(from, &from_offset, to, &to_offset, size, 0);
  // Not every pair of file systems can do it.
  const bool unable =
      n < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS);
  return unable ? copy_through_memory(from, to, offset, size) : n;
}

// Copies the bytes [begin, end), which are data.
void copy_range(int from, int to, off_t begin, off_t end, off_t whole, Transfer& transfer) {
  while (begin < end) {
    transfer.stop_if_cancelled();
    const auto step = std::min<std::size_t>(copy_step, static_cast<std::size_t>(end - begin));
    const ssize_t n = copy_some(from, to, begin, step);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw system_failure("copy", errno);
    if (n == 0) throw internal_error("the file became shorter while it was copied");
    begin += n;
    transfer.report(static_cast<double>(begin) / static_cast<double>(whole));
  }
}

void refuse_unless_standing_alone(const Qcow2Header& header) {
  const char* reason = nullptr;
  if (!header.backing_file.empty())
    reason = "it names a backing file";
  else if (header.external_data)
    reason = "it names an external data file";
  else if (header.encrypted)
    reason = "it is encrypted";
  else if (header.damaged)
    reason = "it is marked as damaged";
  if (reason != nullptr)
    throw backend_failure(BackendError::vdi_type, std::string("the image is refused: ") + reason);
}

Failure as_refusal(const Failure& failure) {
  if (failure.code() != "INTERNAL_ERROR") return failure;
  return backend_failure(BackendError::vdi_type,
                         "the image is refused: " + failure.params().front());
}

}  // namespace

const char* format_name(ImageFormat format) {
  switch (format) {
    case ImageFormat::raw:
      return "raw";
    case ImageFormat::qcow2:
      return "qcow2";
  }
  return "";
}

void make_image(const std::string& path, ImageFormat format, std::int64_t virtual_size) {
  const UniqueFd fd = create_file(path);
  switch (format) {
    case ImageFormat::raw:
      if (ftruncate(fd.get(), virtual_size) != 0) throw system_failure("ftruncate " + path, errno);
      return;
    case ImageFormat::qcow2:
      qemu_img({"create", "-q", "-f", "qcow2", path, std::to_string(virtual_size)});
      return;
  }
}

void make_overlay(const std::string& path, const std::string& backing, ImageFormat backing_format,
                  std::int64_t virtual_size) {
  const UniqueFd fd = create_file(path);
  qemu_img({"create", "-q", "-u", "-f", "qcow2", "-b", backing, "-F", format_name(backing_format),
            path, std::to_string(virtual_size)});
}

void grow_image(const std::string& path, ImageFormat format, std::int64_t virtual_size) {
  qemu_img({"resize", "-q", "-f", format_name(format), path, std::to_string(virtual_size)});
}

void convert_image(const std::string& from, ImageFormat from_format, const std::string& to,
                   ImageFormat to_format, Transfer& transfer) {
  const UniqueFd fd = create_file(to);
  StallWatch watch(to);
  Command command;
  command.argv = bound_to_us({"qemu-img", "convert", "-p", "-f", format_name(from_format), "-O",
                              format_name(to_format), from, to});
  command.timeout = long_deadline;
  command.on_line = [&](const std::string& line) {
    if (const auto fraction = parse_progress(line)) transfer.report(*fraction);
  };
  command.cancelled = [&] {
    watch.check(transfer.fraction());
    return transfer.cancelled();
  };
  run_qemu_img(std::move(command));
}

void copy_file(int from, const std::string& to, Transfer& transfer) {
  const UniqueFd target = create_file(to);
  if (ioctl(target.get(), FICLONE, from) == 0) return;
  const off_t whole = status_of(from).st_size;
  if (ftruncate(target.get(), whole) != 0) throw system_failure("ftruncate " + to, errno);
  off_t done = 0;
  while (done < whole) {
    const off_t data = lseek(from, done, SEEK_DATA);
    if (data < 0 && errno == ENXIO) return;  // only a hole is left
    if (data < 0) throw system_failure("SEEK_DATA", errno);
    const off_t hole = lseek(from, data, SEEK_HOLE);
    if (hole < 0) throw system_failure("SEEK_HOLE", errno);
    copy_range(from, target.get(), data, hole, whole, transfer);
    done = hole;
  }
}

Qcow2Header read_qcow2_header(int fd) {
  std::string bytes(qcow2_header_bytes, '\0');
  const ssize_t n = pread(fd, bytes.data(), bytes.size(), 0);
  if (n < 0) throw system_failure("read", errno);
  bytes.resize(static_cast<std::size_t>(n));
  return parse_qcow2_header(bytes);
}

Qcow2Header foreign_header(int fd) {
  try {
    const Qcow2Header header = read_qcow2_header(fd);
    refuse_unless_standing_alone(header);
    return header;
  } catch (const Failure& failure) {
    throw as_refusal(failure);
  }
}

Qcow2Header inspect_foreign_image(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) throw system_failure("open " + path, errno);
  const Qcow2Header header = foreign_header(fd.get());
  Command command;
  command.argv = limited(bound_to_us({"qemu-img", "info", "--output=json", "-f", "qcow2", path}));
  command.timeout = std::chrono::seconds(60);
  try {
    const json::value info = parse_json(run_qemu_img(std::move(command)));
    // The header was read by us; qemu-img must have understood the same.
    const json::value* size = info.as_object().if_contains("virtual-size");
    if (size == nullptr || from_json<std::int64_t>(*size) != header.virtual_size ||
        info.as_object().contains("backing-filename"))
      throw internal_error("qemu-img and the image's header disagree");
  } catch (const Failure& failure) {
    throw as_refusal(failure);
  }
  return header;
}

void sync_file(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
  if (!fd) throw system_failure("open " + path, errno);
  if (fsync(fd.get()) != 0) throw system_failure("fsync " + path, errno);
}

void sync_directory(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) throw system_failure("open " + path, errno);
  if (fsync(fd.get()) != 0) throw system_failure("fsync " + path, errno);
}

}  // namespace xcp::sm
