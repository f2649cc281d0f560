// SPDX-License-Identifier: GPL-2.0-or-later
// What an operation under way would leave behind if we were killed now, on disk before the
// operation begins, so that the next start can clear it away. One operation a domain at a time, but
// for a domain that is sent to where it is received.
#pragma once

#include <boost/describe.hpp>
#include <string>
#include <vector>

namespace xcp::hypervisor {

BOOST_DEFINE_ENUM_CLASS(PendingKind, build, save, checkpoint, send, receive, destroy)

struct Pending {
  PendingKind kind = PendingKind::build;
  std::string uuid;
  std::vector<std::string> files;  // made by the operation
  std::string migration = {};      // of send and receive: the name of this one
};
BOOST_DESCRIBE_STRUCT(Pending, (), (kind, uuid, files, migration))

// The record of one operation: written by the constructor, removed by done() when the operation
// succeeded or by the destructor after its files were removed.
class PendingRecord {
 public:
  PendingRecord(const std::string& directory, Pending pending);
  ~PendingRecord();
  PendingRecord(const PendingRecord&) = delete;
  PendingRecord& operator=(const PendingRecord&) = delete;

  void done();
  // The operation has come to where only the domain's end is left; its files stay.
  void only_end_is_left();

 private:
  void write() const;

  const std::string path_;
  Pending pending_;
  bool done_ = false;
};

// The operations of `directory` that nobody finished, with the path of each record.
struct LeftOver {
  std::string record_path;
  Pending pending;
};
std::vector<LeftOver> left_over(const std::string& directory);

}  // namespace xcp::hypervisor
