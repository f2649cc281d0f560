// SPDX-License-Identifier: GPL-2.0-or-later
// A child is counted at its parent even when the parent is missing, so that the order in which the
// directory is read does not matter.
#include "sm/file/nodes.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "base/ref.hpp"
#include "sm/failures.hpp"
#include "sm/images.hpp"

namespace xcp::sm {

namespace {

// Far above the limit on new chains: only a loop is longer.
constexpr std::size_t bound_of_chains = 1000;

void check_parent(const std::string& name, const Qcow2Header& header) {
  const auto format = node_format(header.backing_file);
  if (!format)
    throw internal_error(name + " names a backing file that is no image of this repository");
  if (header.backing_format != format_name(*format))
    throw internal_error(name + " names a wrong format for its backing file");
}

}  // namespace

std::optional<ImageFormat> node_format(const std::string& name) {
  const auto dot = name.find('.');
  if (dot == std::string::npos || !is_uuid(name.substr(0, dot))) return std::nullopt;
  const std::string ending = name.substr(dot + 1);
  if (ending == "qcow2") return ImageFormat::qcow2;
  if (ending == "raw") return ImageFormat::raw;
  return std::nullopt;
}

std::string new_node_name(ImageFormat format) {
  return make_uuid() + '.' + format_name(format);
}

Node read_node(const std::string& directory, const std::string& name) {
  const std::string path = directory + '/' + name;
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) throw system_failure("open " + path, errno);
  struct stat status;
  if (fstat(fd.get(), &status) != 0) throw system_failure("stat " + path, errno);
  if (!S_ISREG(status.st_mode)) throw internal_error(path + " is not a regular file");
  Node node{name, node_format(name).value(), "", status.st_size};
  if (node.format == ImageFormat::raw) return node;
  const Qcow2Header header = read_qcow2_header(fd.get());
  if (header.external_data || header.encrypted)
    throw internal_error(path + " has features that are never used here");
  if (!header.backing_file.empty()) check_parent(name, header);
  node.parent = header.backing_file;
  node.virtual_size = header.virtual_size;
  return node;
}

void Nodes::load(const std::set<std::string>& being_made) {
  entries_.clear();
  for (const auto& file : std::filesystem::directory_iterator(directory_)) {
    const std::string name = file.path().filename();
    const auto format = node_format(name);
    if (!format || being_made.contains(name)) continue;
    try {
      add(read_node(directory_, name));
    } catch (const Failure&) {
      Entry& entry = entries_[name];
      entry.node = {name, *format, "", 0};
      entry.readable = false;
    }
  }
}

void Nodes::add(Node node) {
  if (!node.parent.empty()) ++entries_[node.parent].children;
  Entry& entry = entries_[node.name];
  entry.node = std::move(node);
  entry.readable = true;
}

void Nodes::set_size(const std::string& name, std::int64_t virtual_size) {
  entries_.at(name).node.virtual_size = virtual_size;
}

const Node* Nodes::find(const std::string& name) const {
  const auto found = entries_.find(name);
  // An entry without a name only counts the children and users of a node that is missing.
  if (found == entries_.end() || found->second.node.name.empty() || !found->second.readable)
    return nullptr;
  return &found->second.node;
}

std::vector<const Node*> Nodes::chain(const std::string& name) const {
  std::vector<const Node*> chain;
  for (std::string next = name; !next.empty(); next = chain.back()->parent) {
    const Node* node = find(next);
    if (node == nullptr) throw internal_error("image " + next + " is missing or damaged");
    if (chain.size() >= bound_of_chains)
      throw internal_error("image " + name + " stands on itself");
    chain.push_back(node);
  }
  return chain;
}

bool Nodes::has_children(const std::string& name) const {
  const auto found = entries_.find(name);
  return found != entries_.end() && found->second.children > 0;
}

void Nodes::add_user(const std::string& name) {
  ++entries_[name].users;
}

void Nodes::remove_user(const std::string& name) {
  --entries_[name].users;
}

int Nodes::users(const std::string& name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? 0 : found->second.users;
}

bool Nodes::needed(const std::string& name) const {
  const auto found = entries_.find(name);
  return found != entries_.end() && (found->second.users > 0 || found->second.children > 0);
}

void Nodes::erase(const std::string& name) {
  const auto found = entries_.find(name);
  const auto parent = entries_.find(found->second.node.parent);
  if (parent != entries_.end()) --parent->second.children;
  entries_.erase(found);
}

std::vector<std::string> Nodes::take_unneeded(std::string name) {
  std::vector<std::string> taken;
  while (!name.empty() && entries_.contains(name) && !needed(name)) {
    const std::string parent = entries_.at(name).node.parent;
    if (!entries_.at(name).node.name.empty()) taken.push_back(name);
    erase(name);
    name = parent;
  }
  return taken;
}

std::vector<std::string> Nodes::take_all_unneeded() {
  std::set<std::string> reached;
  for (const auto& [name, entry] : entries_) {
    if (entry.users == 0) continue;
    for (std::string next = name; !next.empty() && reached.insert(next).second;) {
      const auto found = entries_.find(next);
      next = found == entries_.end() ? "" : found->second.node.parent;
    }
  }
  std::vector<std::string> taken;
  for (const auto& [name, entry] : entries_)
    if (!reached.contains(name) && !entry.node.name.empty()) taken.push_back(name);
  for (const std::string& name : taken) erase(name);
  return taken;
}

std::int64_t Nodes::private_bytes(const std::string& name) const {
  std::int64_t bytes = 0;
  for (auto found = entries_.find(name); found != entries_.end();
       found = entries_.find(found->second.node.parent)) {
    const Entry& entry = found->second;
    const bool is_leaf = found->first == name;
    if (!is_leaf && (entry.users > 0 || entry.children > 1)) break;
    struct stat status {};
    if (stat(path(found->first).c_str(), &status) == 0)
      bytes += std::int64_t{status.st_blocks} * 512;
    // What stands on the leaf reaches everything below it.
    if (is_leaf && entry.children > 0) break;
  }
  return bytes;
}

void Nodes::remove_files(const std::vector<std::string>& names) const {
  for (const std::string& name : names) unlink(path(name).c_str());
}

}  // namespace xcp::sm
