// SPDX-License-Identifier: GPL-2.0-or-later
// The certificate made at first start.
#include "xapi/http/certificate.hpp"

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include <ctime>

#include "base/failure.hpp"
#include "client.hpp"

namespace xcp::http {
namespace {

class CertificateTest : public testing::Test {
 protected:
  ~CertificateTest() override { remove_directory(directory_); }
  const std::string directory_ = temporary_directory();
  const std::string path_ = directory_ + "/server.pem";
};

TEST_F(CertificateTest, IsMadeOnceAndPrivate) {
  EXPECT_TRUE(ensure_certificate(path_, {"host.example"}));
  struct stat status {};
  ASSERT_EQ(stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const auto content = read_file(path_);
  EXPECT_FALSE(ensure_certificate(path_, {"other.example"}));
  EXPECT_EQ(read_file(path_), content);
}

TEST_F(CertificateTest, NamesTheHostInAllForms) {
  ensure_certificate(path_, {"host.example", "192.0.2.7", "2001:db8::7"});
  const std::string pem = read_certificate(path_).pem;
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  X509* certificate = PEM_read_bio_X509(bio, nullptr, nullptr, nullptr);
  ASSERT_NE(certificate, nullptr);
  EXPECT_EQ(X509_check_host(certificate, "host.example", 0, 0, nullptr), 1);
  EXPECT_EQ(X509_check_host(certificate, "other.example", 0, 0, nullptr), 0);
  EXPECT_EQ(X509_check_ip_asc(certificate, "192.0.2.7", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate, "2001:db8::7", 0), 1);
  EXPECT_EQ(X509_check_ip_asc(certificate, "192.0.2.8", 0), 0);
  EXPECT_EQ(X509_check_purpose(certificate, X509_PURPOSE_SSL_SERVER, 0), 1);
  // A client that is given this file as its trust anchor accepts the server.
  X509_STORE* store = X509_STORE_new();
  X509_STORE_add_cert(store, certificate);
  X509_STORE_CTX* context = X509_STORE_CTX_new();
  X509_STORE_CTX_init(context, store, certificate, nullptr);
  EXPECT_EQ(X509_verify_cert(context), 1);
  X509_STORE_CTX_free(context);
  X509_STORE_free(store);
  X509_free(certificate);
  BIO_free(bio);
}

TEST_F(CertificateTest, CanBeRead) {
  ensure_certificate(path_, {"host.example"});
  const Certificate certificate = read_certificate(path_);
  EXPECT_EQ(certificate.subject, "CN = host.example");
  EXPECT_EQ(certificate.sha256_fingerprint.size(), 32u * 3 - 1);
  EXPECT_EQ(certificate.sha1_fingerprint.size(), 20u * 3 - 1);
  EXPECT_LT(certificate.not_before, std::time(nullptr));
  EXPECT_GT(certificate.not_after, std::time(nullptr) + 9 * 365 * 24 * 3600L);
  EXPECT_TRUE(certificate.pem.starts_with("-----BEGIN CERTIFICATE-----"));
  EXPECT_EQ(certificate.pem.find("PRIVATE"), std::string::npos);
}

TEST_F(CertificateTest, FailuresNameTheProblem) {
  EXPECT_THROW(ensure_certificate(path_, {}), Failure);
  EXPECT_THROW(ensure_certificate(path_, {"a,DNS:b"}), Failure);
  EXPECT_THROW(ensure_certificate(directory_ + "/no/such/dir.pem", {"a"}), Failure);
  EXPECT_THROW(read_certificate(path_), Failure);
}

}  // namespace
}  // namespace xcp::http
