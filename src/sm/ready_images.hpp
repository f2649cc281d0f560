// SPDX-License-Identifier: GPL-2.0-or-later
// Ready-made images that fill new disks: the files `<name>.qcow2` of one directory. A name can
// never lead out of it.
#pragma once

#include <string>

#include "base/fd.hpp"

namespace xcp::sm {

class ReadyImages {
 public:
  // The directory need not exist (yet); empty: there are no images.
  explicit ReadyImages(std::string directory) : directory_(std::move(directory)) {}

  // An open regular file. Throws backend failure vdi_create for a name that is not made of
  // [a-z0-9.-] or that does not exist.
  UniqueFd open(const std::string& name) const;

 private:
  std::string directory_;
};

// True for names an image may have.
bool is_image_name(const std::string& name);

}  // namespace xcp::sm
