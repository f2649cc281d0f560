// SPDX-License-Identifier: GPL-2.0-or-later
// See desired_state.hpp.
#include "ovs-integration/desired_state.hpp"

#include "base/describe.hpp"
#include "base/failure.hpp"
#include "base/fault.hpp"
#include "base/fd.hpp"

namespace xcp::network {

DesiredState StateFile::load() const {
  const auto text = read_file(path_);
  if (!text) return {};
  try {
    DesiredState desired = from_json<DesiredState>(parse_json(*text));
    if (desired.version != 1)
      throw internal_error("it has version " + std::to_string(desired.version));
    return desired;
  } catch (const Failure& failure) {
    throw internal_error(path_ + " cannot be understood: " +
                         (failure.params().empty() ? failure.code() : failure.params()[0]));
  }
}

void StateFile::save(std::unique_lock<std::mutex>& lock, const DesiredState& desired) {
  const std::uint64_t ticket = ++wanted_;
  for (;;) {
    if (written_ >= ticket) return;
    if (failed_ >= ticket) throw internal_error(failure_);
    if (writing_) {
      written_or_failed_.wait(lock);
      continue;
    }
    writing_ = true;
    const std::uint64_t covered = wanted_;
    const std::string text = json_text(to_json(desired));
    lock.unlock();
    std::string failure;
    try {
      fault_point("network.state.write");
      write_file_durably(path_, text, 0600);
      fault_point("network.state.written");
    } catch (const Failure& error) {
      failure = error.params().empty() ? error.code() : error.params()[0];
    }
    lock.lock();
    writing_ = false;
    if (failure.empty()) {
      written_ = covered;
    } else {
      failed_ = covered;
      failure_ = failure;
    }
    written_or_failed_.notify_all();
  }
}

}  // namespace xcp::network
