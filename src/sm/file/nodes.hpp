// SPDX-License-Identifier: GPL-2.0-or-later
// The image files of one SR and how they stand on one another. A node is a file
// `<uuid>.qcow2` or `<uuid>.raw` in one directory; it is never renamed, and once another node
// stands on it or a second VDI shows it, it is never written again. The parent of a node is what
// its header names, and only a node of the same directory is accepted there. Not thread-safe: the
// repository's lock protects it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sm/storage.hpp"

namespace xcp::sm {

struct Node {
  std::string name;
  ImageFormat format = ImageFormat::qcow2;
  std::string parent;  // empty: stands on nothing
  std::int64_t virtual_size = 0;
};

// The format that a node's name tells; nullopt when the name is not one of a node.
std::optional<ImageFormat> node_format(const std::string& name);

std::string new_node_name(ImageFormat format);

// Reads a node's file; throws INTERNAL_ERROR when it is not a regular file or its header is not one
// that we wrote.
Node read_node(const std::string& directory, const std::string& name);

class Nodes {
 public:
  explicit Nodes(std::string directory) : directory_(std::move(directory)) {}

  std::string path(const std::string& name) const { return directory_ + '/' + name; }
  const std::string& directory() const { return directory_; }

  // Reads the directory anew. Unreadable nodes are kept by name only; files that are no nodes are
  // ignored, and so are `being_made`.
  void load(const std::set<std::string>& being_made);
  void add(Node node);
  void set_size(const std::string& name, std::int64_t virtual_size);

  const Node* find(const std::string& name) const;
  // The node and everything below it, top first; throws INTERNAL_ERROR when a part is missing or
  // unreadable.
  std::vector<const Node*> chain(const std::string& name) const;
  // True when another node stands on it.
  bool has_children(const std::string& name) const;

  // Counts VDIs that show a node as theirs.
  void add_user(const std::string& name);
  void remove_user(const std::string& name);
  int users(const std::string& name) const;

  // Takes out `name` and what is below it as far as nothing else needs it, and returns the names:
  // their files may be removed.
  std::vector<std::string> take_unneeded(std::string name);
  // The same for all nodes that no VDI reaches. Only right when every VDI is known.
  std::vector<std::string> take_all_unneeded();

  // Bytes on disk in the node and those below it that only its one user reaches.
  std::int64_t private_bytes(const std::string& name) const;

  void remove_files(const std::vector<std::string>& names) const;

 private:
  struct Entry {
    Node node;
    bool readable = true;
    int children = 0;
    int users = 0;
  };
  bool needed(const std::string& name) const;
  void erase(const std::string& name);

  std::string directory_;
  std::map<std::string, Entry> entries_;
};

}  // namespace xcp::sm
