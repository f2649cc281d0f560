// SPDX-License-Identifier: GPL-2.0-or-later
// Files are read as hostile ones: regular files only, of bounded size, never through a link.
#include "sm/file/metadata.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/describe.hpp"
#include "base/ref.hpp"
#include "sm/failures.hpp"
#include "sm/file/nodes.hpp"
#include "sm/images.hpp"

namespace xcp::sm {

namespace {

constexpr off_t longest_file = 1 << 20;
constexpr std::string_view ending = ".json";

std::optional<std::string> read_small_file(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) {
    if (errno == ENOENT) return std::nullopt;
    throw system_failure("open " + path, errno);
  }
  struct stat status;
  if (fstat(fd.get(), &status) != 0) throw system_failure("stat " + path, errno);
  if (!S_ISREG(status.st_mode)) throw internal_error(path + " is not a regular file");
  if (status.st_size > longest_file) throw internal_error(path + " is too long");
  std::string content(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t size = 0;
  while (size < content.size()) {
    const std::size_t n = read_some(fd.get(), content.data() + size, content.size() - size);
    if (n == 0) break;
    size += n;
  }
  content.resize(size);
  return content;
}

VdiRecord parse_vdi_record(const std::string& text) {
  VdiRecord record = from_json<VdiRecord>(parse_json(text));
  if (record.version != 1) throw internal_error("version " + std::to_string(record.version));
  if (!node_format(record.node)) throw internal_error("it names no image of this repository");
  return record;
}

}  // namespace

VdiRecord make_record(const VdiInfo& description, const std::string& node) {
  VdiRecord record;
  record.name = description.name;
  record.description = description.description;
  record.type = description.type;
  record.virtual_size = description.virtual_size;
  record.read_only = description.read_only;
  record.sharable = description.sharable;
  record.is_a_snapshot = description.is_a_snapshot;
  record.snapshot_of = description.snapshot_of;
  record.snapshot_time = description.snapshot_time;
  record.sm_config = description.sm_config;
  record.node = node;
  return record;
}

std::string sr_record_path(const std::string& location) {
  return location + "/sr.json";
}
std::string nodes_directory(const std::string& location) {
  return location + "/nodes";
}
std::string vdis_directory(const std::string& location) {
  return location + "/vdis";
}
std::string vdi_record_path(const std::string& location, const std::string& vdi) {
  return vdis_directory(location) + '/' + vdi + std::string(ending);
}

std::optional<SrRecord> read_sr_record(const std::string& location) {
  const auto text = read_small_file(sr_record_path(location));
  if (!text) return std::nullopt;
  const SrRecord record = from_json<SrRecord>(parse_json(*text));
  if (record.version != 1)
    throw internal_error(location + " was written by a newer version of this program");
  return record;
}

VdiRecords read_vdi_records(const std::string& location) {
  VdiRecords records;
  remove_unfinished_writes(vdis_directory(location));
  for (const auto& file : std::filesystem::directory_iterator(vdis_directory(location))) {
    const std::string name = file.path().filename();
    if (name.size() != 36 + ending.size() || !name.ends_with(ending)) continue;
    const std::string vdi = name.substr(0, 36);
    if (!is_uuid(vdi)) continue;
    try {
      if (const auto text = read_small_file(file.path()))
        records.good.emplace(vdi, parse_vdi_record(*text));
    } catch (const Failure& failure) {
      records.damaged.emplace(vdi, failure.params().front());
    }
  }
  return records;
}

void write_vdi_record(const std::string& location, const std::string& vdi,
                      const VdiRecord& record) {
  const std::string text = json_text(to_json(record));
  // A name that is no UTF-8 would make the record unreadable.
  parse_json(text);
  write_file_durably(vdi_record_path(location, vdi), text + '\n', 0600);
}

void remove_vdi_record(const std::string& location, const std::string& vdi) {
  const std::string path = vdi_record_path(location, vdi);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) throw system_failure("remove " + path, errno);
  sync_directory(vdis_directory(location));
}

}  // namespace xcp::sm
