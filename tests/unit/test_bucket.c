// SPDX-License-Identifier: BSD-2-Clause
#include "base/bucket.h"

#include "net/pace.h"

#include <pthread.h>

#include "test.h"

#define RATE (1 << 20)

static struct bucket bucket;

static void
set_up(void)
{
	bucket_init(&bucket, RATE);
}

#define BucketTest(name) Test(bucket, name, .init = set_up)

BucketTest(no_rate_no_wait)
{
	bucket_set_rate(&bucket, 0);
	cr_assert_eq(bucket_get_quantum(&bucket), SIZE_MAX);
	cr_assert_eq(bucket_pay(&bucket, SIZE_MAX, 1000), 0);
}

/* Loops read their clocks once per turn: the next user of a connection may be
 * behind the one before. */
BucketTest(no_rate_no_wait_by_any_clock)
{
	struct pace pace = { .bucket = &bucket };

	bucket_set_rate(&bucket, 0);
	pace_pay(&pace, 1, 1000);
	cr_assert(!pace_is_held(&pace, 999));
	cr_assert_eq(pace_get_room(&pace, 999), SIZE_MAX);
}

BucketTest(the_quantum_goes_with_the_rate)
{
	cr_assert_eq(bucket_get_quantum(&bucket), 8192);
	bucket_set_rate(&bucket, 1);
	cr_assert_eq(bucket_get_quantum(&bucket), 512);
	bucket_set_rate(&bucket, UINT64_MAX);
	cr_assert_eq(bucket_get_quantum(&bucket), 65536);
}

/* 40 ms of the time before may be made up for; then each waits for its own. */
BucketTest(what_is_paid_takes_its_time)
{
	cr_assert_eq(bucket_pay(&bucket, RATE, 10000), 10000 - 40 + 1000);
	cr_assert_eq(bucket_pay(&bucket, RATE / 2, 10000), 10000 - 40 + 1500);
	cr_assert_eq(bucket_pay(&bucket, 1, 10000), 10000 - 40 + 1501);
}

BucketTest(unused_time_is_not_kept)
{
	(void)bucket_pay(&bucket, RATE, 10000);
	cr_assert_eq(bucket_pay(&bucket, RATE, 90000), 90000 - 40 + 1000);
}

BucketTest(another_rate_for_what_comes)
{
	(void)bucket_pay(&bucket, 60 * RATE, 10000);
	bucket_set_rate(&bucket, RATE / 2);
	cr_assert_eq(bucket_pay(&bucket, RATE, 10000), 10000 - 40 + 2000);
}

/* A reload that changes nothing makes nobody faster. */
BucketTest(the_same_rate_again)
{
	(void)bucket_pay(&bucket, RATE, 10000);
	bucket_set_rate(&bucket, RATE);
	cr_assert_eq(bucket_pay(&bucket, RATE, 10000), 10000 - 40 + 2000);
}

/* No product overflows. */
BucketTest(extremes)
{
	bucket_set_rate(&bucket, UINT64_C(1) << 50);
	cr_assert_eq(bucket_pay(&bucket, (size_t)1 << 20, 10000), 10000 - 40);
	bucket_init(&bucket, 1);
	cr_assert_eq(bucket_pay(&bucket, 3, 10000), 10000 - 40 + 3000);
}

/* As many as like: together they have the rate, and each has its share. */
BucketTest(shared_evenly)
{
	struct pace paces[8] = { 0 };
	uint64_t moved[8] = { 0 }, all = 0;

	for (size_t i = 0; i < 8; i++)
		paces[i].bucket = &bucket;
	for (uint64_t now = 1000; now < 11000; now++)
		for (size_t i = 0; i < 8; i++) {
			size_t n = pace_get_room(&paces[i], now);

			if (n == 0)
				continue;
			pace_pay(&paces[i], n, now);
			moved[i] += n;
			all += n;
		}
	cr_assert_gt(all, 10 * RATE * 99 / 100);
	cr_assert_lt(all, 10 * RATE * 101 / 100 + 8 * 8192);
	for (size_t i = 0; i < 8; i++) {
		cr_assert_gt(moved[i], all / 8 * 98 / 100);
		cr_assert_lt(moved[i], all / 8 * 102 / 100);
	}
}

Test(pace, without_a_bucket)
{
	struct pace p = { .not_before_ms = UINT64_MAX };

	cr_assert_not(pace_is_held(&p, 0));
	cr_assert_eq(pace_get_room(&p, 0), SIZE_MAX);
	pace_pay(&p, SIZE_MAX, 0);
	cr_assert_eq(p.not_before_ms, UINT64_MAX);
}

#define THREADS 4
#define PAYMENTS 20000

static void *
pay(void *arg)
{
	(void)arg;
	for (int i = 0; i < PAYMENTS; i++)
		(void)bucket_pay(&bucket, 1024, 1000);
	return NULL;
}

/* No payment is lost. */
BucketTest(threads)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, pay, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_join(threads[i], NULL), 0);
	/* 1024 / RATE s is no whole number of ns: cut, each time. */
	cr_assert_eq(atomic_load(&bucket.paid_ns), UINT64_C(960000000) +
	    (uint64_t)THREADS * PAYMENTS * 976562);
}
