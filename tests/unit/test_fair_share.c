/* fair_share: every partition has one holder, and no replica has more to do than another. */
#include "runtime/core/runtime.h"
#include "runtime/lane/fair_share.h"
#include "test.h"

enum { REPLICAS = 40 };

TEST(all_replicas_of_a_lane_hold_each_partition_once)
{
    for (int lanes = 1; lanes <= LANES_MAX; lanes++)
        for (int replicas = 1; replicas <= REPLICAS; replicas++)
            for (int lane = 0; lane < lanes; lane++) {
                int mine = (PARTITIONS - lane + lanes - 1) / lanes, sum = 0;
                for (int rank = 0; rank < replicas; rank++)
                    sum += fair_share(lane, lanes, replicas, rank);
                CHECK_ROW(sum == mine, "lane %d of %d, %d replicas: %d of %d", lane, lanes,
                          replicas, sum, mine);
            }
}

TEST(no_replica_holds_two_more_than_another)
{
    for (int lanes = 1; lanes <= LANES_MAX; lanes++)
        for (int replicas = 1; replicas <= REPLICAS; replicas++) {
            int least = PARTITIONS, most = 0;
            for (int rank = 0; rank < replicas; rank++) {
                int sum = 0;
                for (int lane = 0; lane < lanes; lane++)
                    sum += fair_share(lane, lanes, replicas, rank);
                if (sum < least) least = sum;
                if (sum > most) most = sum;
            }
            CHECK_ROW(most - least <= 1, "%d lanes, %d replicas: %d to %d", lanes, replicas, least,
                      most);
        }
}

TEST(alone_it_holds_all)
{
    CHECK_INT(fair_share(0, 1, 1, 0), PARTITIONS);
    CHECK_INT(fair_share(1, 2, 1, 0), PARTITIONS / 2);
}
