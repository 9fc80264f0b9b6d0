using Paging.Residency;
using Paging.Tests.Model;
using Paging.Tests.Protocol;

namespace Paging.Tests.Residency;

/// <summary>How long the thread that keeps frames free naps, against threads that take frames at a steady pace.</summary>
public sealed class NapPaceTests
{
    [Fact]
    public void A_nap_takes_as_long_as_others_need_for_their_share() => Seeded.Run(seed =>
    {
        var dice = new Dice(seed);
        double wanted = NapPace.Min + NapPace.Overhead + dice.Below(NapPace.Max - NapPace.Min);
        NapPace pace = default;
        double now = 1e9 + dice.Below(1000);

        // Asleep until half of what is kept was taken, or longer.
        int nap = pace.Next(now, 1 + dice.Below(3));
        for (int i = 0; i < 20; i++)
        {
            double elapsed = nap + NapPace.Overhead;
            now += elapsed;
            nap = pace.Next(now, elapsed / wanted);
            Assert.InRange(nap + NapPace.Overhead, wanted - 2, wanted + 2);
        }
    });

    [Fact]
    public void Where_nobody_takes_frames_the_naps_end_soon()
    {
        NapPace pace = default;
        double now = 1e9;
        Assert.Equal(0, pace.Next(now, 0));
        int nap = pace.Next(now, 1000);
        int naps = 0;
        double begun = now;
        for (; nap > 0; naps++)
        {
            now += nap + NapPace.Overhead;
            nap = pace.Next(now, 0);
        }

        Assert.InRange(naps, 1, 20);
        Assert.InRange(now - begun, NapPace.Max, 4 * NapPace.Max);
        Assert.Equal(0, pace.Next(now + 1, 0));
    }
}
