// SPDX-License-Identifier: GPL-2.0-or-later
// An entry in state plugging or unplugging belongs to the thread that put it there.
#include "sm/plugged_srs.hpp"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>

#include "base/describe.hpp"
#include "base/fault.hpp"
#include "base/fd.hpp"
#include "base/ref.hpp"
#include "sm/failures.hpp"
#include "sm/images.hpp"

namespace xcp::sm {

namespace {

// How long callers wait for storage that is just coming, or for calls that are just ending.
constexpr auto patience = std::chrono::seconds(10);
constexpr auto patience_of_lists = std::chrono::seconds(2);

bool same_storage(const SrSpec& a, const SrSpec& b) {
  return a.type == b.type && a.device_config == b.device_config;
}

}  // namespace

struct RememberedSr {
  int version = 1;
  bool destroying = false;
  SrSpec spec;
};
BOOST_DESCRIBE_STRUCT(RememberedSr, (), (version, destroying, spec))

PluggedSrs::Use::Use(PluggedSrs& srs, std::string sr, std::shared_ptr<Repository> repository)
    : srs_(&srs), sr_(std::move(sr)), repository_(std::move(repository)) {}

PluggedSrs::Use::Use(Use&& other) noexcept
    : srs_(std::exchange(other.srs_, nullptr)),
      sr_(std::move(other.sr_)),
      repository_(std::move(other.repository_)) {}

PluggedSrs::Use::~Use() {
  if (srs_ == nullptr) return;
  repository_.reset();
  std::lock_guard lock(srs_->mutex_);
  --srs_->entries_.at(sr_).users;
  srs_->changed_.notify_all();
}

PluggedSrs::PluggedSrs(std::string directory, FindDriver find_driver, Report report)
    : directory_(std::move(directory)),
      find_driver_(std::move(find_driver)),
      report_(std::move(report)) {
  const std::set<std::string> srs = remembered(directory_);
  std::lock_guard lock(mutex_);
  // The name alone says which SR it is, so that callers can wait for it from now on.
  for (const std::string& sr : srs) entries_[sr].state = State::plugging;
  for (const std::string& sr : srs) background_.emplace_back([this, sr] { resume(sr); });
}

std::set<std::string> PluggedSrs::remembered(const std::string& directory) {
  std::filesystem::create_directories(directory);
  remove_unfinished_writes(directory);
  std::set<std::string> srs;
  for (const auto& file : std::filesystem::directory_iterator(directory)) {
    const std::string name = file.path().stem();
    if (file.path().extension() == ".json" && is_uuid(name)) srs.insert(name);
  }
  return srs;
}

PluggedSrs::~PluggedSrs() {
  for (std::thread& thread : background_) thread.join();
}

std::string PluggedSrs::path_of(const std::string& sr) const {
  return directory_ + '/' + sr + ".json";
}

void PluggedSrs::remember(const SrSpec& spec, bool destroying) const {
  RememberedSr remembered{1, destroying, spec};
  // device_config may hold a secret.
  write_file_durably(path_of(spec.uuid), json_text(to_json(remembered)) + '\n', 0600);
}

void PluggedSrs::forget(const std::string& sr) const {
  const std::string path = path_of(sr);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) throw system_failure("remove " + path, errno);
  sync_directory(directory_);
}

void PluggedSrs::resume(const std::string& sr) {
  const std::string file = path_of(sr);
  try {
    const auto text = read_file(file);
    if (!text) throw internal_error(file + " has gone");
    const auto remembered = from_json<RememberedSr>(parse_json(*text));
    if (remembered.spec.uuid != sr) throw internal_error(file + " is of another SR");
    if (remembered.destroying) {
      find_driver_(remembered.spec.type).destroy(remembered.spec);
      forget(sr);
      drop(sr);
    } else {
      plug_claimed(remembered.spec);
    }
  } catch (const std::exception& error) {
    drop(sr);
    report_("SR " + sr + " could not be plugged again: " + error.what());
  }
}

// The entry is there and ours; it is plugged or gone afterwards.
void PluggedSrs::plug_claimed(const SrSpec& spec) {
  std::shared_ptr<Repository> repository;
  try {
    repository = find_driver_(spec.type).plug(spec);
  } catch (...) {
    drop(spec.uuid);
    throw;
  }
  std::lock_guard lock(mutex_);
  Entry& entry = entries_.at(spec.uuid);
  entry.spec = spec;
  entry.repository = std::move(repository);
  entry.state = State::plugged;
  changed_.notify_all();
}

void PluggedSrs::drop(const std::string& sr) {
  std::lock_guard lock(mutex_);
  entries_.erase(sr);
  changed_.notify_all();
}

void PluggedSrs::plug(const SrSpec& spec) {
  Driver& driver = find_driver_(spec.type);
  {
    std::unique_lock lock(mutex_);
    const auto settled = [&] {
      const auto found = entries_.find(spec.uuid);
      return found == entries_.end() || found->second.state == State::plugged;
    };
    if (!changed_.wait_for(lock, patience, settled))
      throw backend_failure(BackendError::sr_unavailable,
                            "the SR is still being plugged or unplugged");
    if (const auto found = entries_.find(spec.uuid); found != entries_.end()) {
      if (same_storage(found->second.spec, spec)) return;
      throw Failure("SR_DEVICE_IN_USE");
    }
    entries_[spec.uuid].state = State::plugging;
  }
  plug_claimed(spec);
  fault_point("sr.plugged");
  try {
    remember(spec, false);
  } catch (...) {
    claim_for_removal(spec.uuid, [] { return false; });
    driver.unplug(spec);
    drop(spec.uuid);
    throw;
  }
}

SrSpec PluggedSrs::claim_for_removal(const std::string& sr, const Busy& busy) {
  std::shared_ptr<Repository> last;
  SrSpec spec;
  {
    std::unique_lock lock(mutex_);
    const auto idle = [&] {
      const auto found = entries_.find(sr);
      return found == entries_.end() ||
             (found->second.state == State::plugged && found->second.users == 0);
    };
    if (!changed_.wait_for(lock, patience, idle)) throw Failure("SR_DEVICE_IN_USE");
    const auto found = entries_.find(sr);
    if (found == entries_.end()) throw sr_not_attached(sr);
    if (busy()) throw Failure("SR_DEVICE_IN_USE");
    found->second.state = State::unplugging;
    last = std::move(found->second.repository);
    spec = found->second.spec;
  }
  return spec;
}

bool PluggedSrs::forget_failed(const std::string& sr) {
  {
    std::lock_guard lock(mutex_);
    if (entries_.contains(sr) || !is_uuid(sr)) return false;
  }
  if (!std::filesystem::exists(path_of(sr))) return false;
  forget(sr);
  return true;
}

void PluggedSrs::put_back(const SrSpec& spec) {
  try {
    plug_claimed(spec);
  } catch (const std::exception& error) {
    report_("SR " + spec.uuid + " could not be plugged again: " + error.what());
  }
}

void PluggedSrs::unplug(const std::string& sr, const Busy& busy) {
  if (forget_failed(sr)) return;
  const SrSpec spec = claim_for_removal(sr, busy);
  try {
    find_driver_(spec.type).unplug(spec);
    fault_point("sr.unplugged");
    forget(sr);
  } catch (...) {
    put_back(spec);
    throw;
  }
  drop(sr);
}

void PluggedSrs::destroy(const std::string& sr, const Busy& busy) {
  const SrSpec plugged = claim_for_removal(sr, busy);
  Driver& driver = find_driver_(plugged.type);
  try {
    driver.unplug(plugged);
    remember(plugged, true);
  } catch (...) {
    put_back(plugged);
    throw;
  }
  fault_point("sr.destroy.begun");
  try {
    driver.destroy(plugged);
    forget(plugged.uuid);
  } catch (...) {
    drop(plugged.uuid);
    throw;
  }
  drop(plugged.uuid);
}

PluggedSrs::Use PluggedSrs::use(const std::string& sr) {
  std::unique_lock lock(mutex_);
  const auto settled = [&] {
    const auto found = entries_.find(sr);
    return found == entries_.end() || found->second.state == State::plugged;
  };
  if (!changed_.wait_for(lock, patience, settled))
    throw backend_failure(
        BackendError::sr_unavailable,
        "the SR's storage does not answer: it is still being plugged or unplugged");
  const auto found = entries_.find(sr);
  if (found == entries_.end()) throw sr_not_attached(sr);
  ++found->second.users;
  return Use(*this, sr, found->second.repository);
}

std::vector<std::string> PluggedSrs::all() {
  std::unique_lock lock(mutex_);
  const auto settled = [&] {
    for (const auto& [sr, entry] : entries_)
      if (entry.state != State::plugged) return false;
    return true;
  };
  changed_.wait_for(lock, patience_of_lists, settled);
  std::vector<std::string> plugged;
  for (const auto& [sr, entry] : entries_)
    if (entry.state == State::plugged) plugged.push_back(sr);
  return plugged;
}

}  // namespace xcp::sm
