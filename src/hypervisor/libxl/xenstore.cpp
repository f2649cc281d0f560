// SPDX-License-Identifier: GPL-2.0-or-later
// See xenstore.hpp.
#include "hypervisor/libxl/xenstore.hpp"

#include <algorithm>
#include <cerrno>

#include "base/failure.hpp"
#include "base/fd.hpp"

namespace xcp::hypervisor::libxl {

Xenstore::Xenstore() : handle_(xs_open(0)) {
  if (!handle_) throw system_failure("cannot reach xenstore", errno);
}

std::optional<std::string> Xenstore::read(const std::string& path, std::size_t limit) const {
  unsigned size = 0;
  const Allocated<char> value(
      static_cast<char*>(xs_read(handle_.get(), XBT_NULL, path.c_str(), &size)));
  if (!value) return std::nullopt;
  return std::string(value.get(), std::min<std::size_t>(size, limit));
}

std::vector<std::string> Xenstore::list(const std::string& path, std::size_t limit) const {
  unsigned count = 0;
  const Allocated<char*> names(xs_directory(handle_.get(), XBT_NULL, path.c_str(), &count));
  std::vector<std::string> found;
  for (unsigned i = 0; names && i < count && i < limit; ++i) found.emplace_back(names.get()[i]);
  return found;
}

void Xenstore::write(const std::string& path, const std::string& value) {
  if (!xs_write(handle_.get(), XBT_NULL, path.c_str(), value.data(),
                static_cast<unsigned>(value.size())))
    throw system_failure("cannot write " + path + " in xenstore", errno);
}

bool Xenstore::watch(const std::string& path, const std::string& token) {
  return xs_watch(handle_.get(), path.c_str(), token.c_str());
}

void Xenstore::unwatch(const std::string& path, const std::string& token) {
  xs_unwatch(handle_.get(), path.c_str(), token.c_str());
}

int Xenstore::fd() const {
  return xs_fileno(handle_.get());
}

std::optional<std::string> Xenstore::fired() {
  const Allocated<char*> what(xs_check_watch(handle_.get()));
  if (!what) return std::nullopt;
  return std::string(what.get()[XS_WATCH_TOKEN]);
}

std::optional<std::string> Xenstore::wait_for(const std::string& path,
                                              std::chrono::milliseconds timeout) {
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const std::string token = "wait";
  if (!watch(path, token)) return std::nullopt;
  std::optional<std::string> value;
  for (;;) {
    value = read(path);
    if (value && !value->empty()) break;
    value.reset();
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0 || !wait_readable(fd(), left)) break;
    while (fired()) {
    }
  }
  unwatch(path, token);
  return value;
}

}  // namespace xcp::hypervisor::libxl
