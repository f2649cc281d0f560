// SPDX-License-Identifier: GPL-2.0-or-later
// See watch.hpp.
#include "hypervisor/libxl/watch.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

namespace xcp::hypervisor::libxl {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds between_facts{1000};
// The guest writes one fact after the other: the first is not told before the others are there.
constexpr milliseconds facts_settle{100};
constexpr milliseconds between_sizes{1000};
constexpr const char* parts_of_guests[] = {"attr", "data"};

std::string path_of(std::uint32_t domid, const char* part) {
  return "/local/domain/" + std::to_string(domid) + "/" + part;
}

}  // namespace

DomainWatch::DomainWatch(Listener listener)
    : listener_(std::move(listener)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!wake_) throw system_failure("eventfd", errno);
  thread_ = std::thread([this] { run(); });
}

DomainWatch::~DomainWatch() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(wake_.get(), &one, sizeof(one));
  thread_.join();
}

void DomainWatch::track(std::uint32_t domid, const std::string& uuid) {
  post({domid, uuid});
}

void DomainWatch::untrack(std::uint32_t domid) {
  post({domid, std::nullopt});
}

void DomainWatch::post(Request request) {
  {
    std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
  }
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t n = write(wake_.get(), &one, sizeof(one));
}

void DomainWatch::carry_out(const Request& request) {
  if (request.uuid)
    begin(request.domid, *request.uuid);
  else
    end(request.domid);
}

void DomainWatch::begin(std::uint32_t domid, const std::string& uuid) {
  Tracked& tracked = tracked_[domid];
  tracked.uuid = uuid;
  if (libxl_evenable_domain_death(context_, domid, 0, &tracked.death) != 0) tracked.death = nullptr;
  for (const char* part : parts_of_guests)
    xenstore_.watch(path_of(domid, part), std::to_string(domid));
  libxl_dominfo info;
  libxl_dominfo_init(&info);
  const int code = libxl_domain_info(context_, &info, domid);
  // One that stands still to be saved may yet go on.
  const bool stopped = code == 0 && info.shutdown && !info.dying &&
                       info.shutdown_reason != LIBXL_SHUTDOWN_REASON_SUSPEND;
  const int reason = static_cast<int>(info.shutdown_reason);
  tracked.memory_kib = info.current_memkb;
  libxl_dominfo_dispose(&info);
  if (stopped && !std::exchange(tracked.stop_told, true)) listener_.stopped(domid, uuid, reason);
  if (code == ERROR_DOMAIN_NOTFOUND) {
    end(domid);
    listener_.gone(domid, uuid);
  }
}

void DomainWatch::end(std::uint32_t domid) {
  const auto found = tracked_.find(domid);
  if (found == tracked_.end()) return;
  if (found->second.death != nullptr) libxl_evdisable_domain_death(context_, found->second.death);
  for (const char* part : parts_of_guests)
    xenstore_.unwatch(path_of(domid, part), std::to_string(domid));
  tracked_.erase(found);
}

void DomainWatch::run() {
  for (;;) {
    std::deque<Request> requests;
    {
      std::lock_guard lock(mutex_);
      if (stopping_) return;
      requests.swap(requests_);
    }
    for (const Request& request : requests) carry_out(request);
    wait();
    take_events();
    take_watches();
    tell_facts();
    look_at_memory();
  }
}

void DomainWatch::wait() {
  std::vector<pollfd> items;
  int count = 0;
  int timeout_ms = -1;
  timeval now{};
  gettimeofday(&now, nullptr);
  for (;;) {
    items.resize(static_cast<std::size_t>(count));
    const int code = libxl_osevent_beforepoll(context_, &count, items.data(), &timeout_ms, now);
    items.resize(static_cast<std::size_t>(count));
    if (code != ERROR_BUFFERFULL) break;
  }
  const auto no_later_than = [&](Clock::time_point due) {
    const auto left = std::chrono::duration_cast<milliseconds>(due - Clock::now());
    const int left_ms = std::max(0, static_cast<int>(left.count()) + 1);
    timeout_ms = timeout_ms < 0 ? left_ms : std::min(timeout_ms, left_ms);
  };
  for (const auto& [domid, tracked] : tracked_) {
    if (!tracked.facts_due) continue;
    no_later_than(*tracked.facts_due);
  }
  if (!tracked_.empty()) no_later_than(memory_due_);
  items.push_back({wake_.get(), POLLIN, 0});
  items.push_back({xenstore_.fd(), POLLIN, 0});
  poll(items.data(), items.size(), timeout_ms);
  std::uint64_t ignored;
  while (read(wake_.get(), &ignored, sizeof(ignored)) > 0) {
  }
  gettimeofday(&now, nullptr);
  libxl_osevent_afterpoll(context_, count, items.data(), now);
}

void DomainWatch::take_events() {
  libxl_event* event = nullptr;
  while (libxl_event_check(context_, &event, LIBXL_EVENTMASK_ALL, nullptr, nullptr) == 0) {
    const std::uint32_t domid = event->domid;
    const libxl_event_type type = event->type;
    const int reason = type == LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN
                           ? static_cast<int>(event->u.domain_shutdown.shutdown_reason)
                           : 0;
    libxl_event_free(context_, event);
    const auto found = tracked_.find(domid);
    if (found == tracked_.end()) continue;
    const std::string uuid = found->second.uuid;
    if (type == LIBXL_EVENT_TYPE_DOMAIN_SHUTDOWN) {
      // A guest that is saved stops too, and may stop again.
      if (reason == LIBXL_SHUTDOWN_REASON_SUSPEND) {
        end(domid);
        begin(domid, uuid);
        continue;
      }
      if (!std::exchange(found->second.stop_told, true)) listener_.stopped(domid, uuid, reason);
    } else if (type == LIBXL_EVENT_TYPE_DOMAIN_DEATH) {
      end(domid);
      listener_.gone(domid, uuid);
    }
  }
}

void DomainWatch::take_watches() {
  while (const auto token = xenstore_.fired()) {
    const auto found = tracked_.find(static_cast<std::uint32_t>(std::atoi(token->c_str())));
    if (found == tracked_.end() || found->second.facts_due) continue;
    Tracked& tracked = found->second;
    tracked.facts_due = std::max(Clock::now() + facts_settle, tracked.facts_told + between_facts);
  }
}

void DomainWatch::tell_facts() {
  for (auto& [domid, tracked] : tracked_) {
    if (!tracked.facts_due || *tracked.facts_due > Clock::now()) continue;
    tracked.facts_due.reset();
    tracked.facts_told = Clock::now();
    listener_.facts(tracked.uuid);
  }
}

void DomainWatch::look_at_memory() {
  if (memory_due_ > Clock::now()) return;
  memory_due_ = Clock::now() + between_sizes;
  for (auto& [domid, tracked] : tracked_) {
    libxl_dominfo info;
    libxl_dominfo_init(&info);
    const bool there = libxl_domain_info(context_, &info, domid) == 0;
    const std::uint64_t kib = info.current_memkb;
    libxl_dominfo_dispose(&info);
    if (there && std::exchange(tracked.memory_kib, kib) != kib) listener_.resized(tracked.uuid);
  }
}

}  // namespace xcp::hypervisor::libxl
