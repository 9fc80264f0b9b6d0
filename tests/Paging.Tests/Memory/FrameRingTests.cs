using System.Runtime.InteropServices;
using FsCheck;
using FsCheck.Fluent;
using Paging.Memory;
using Paging.Tests.Model;

namespace Paging.Tests.Memory;

/// <summary>The rings of the replacement policy, against a sorted set.</summary>
public sealed unsafe class FrameRingTests
{
    private const int Frames = 200;

    private enum Step
    {
        Add,
        Remove,
        Next,
    }

    private static readonly Gen<(Step Step, int Frame)[]> s_scripts = Gen.Sized(static size => Gen.ArrayOf(
        from step in Gen.Frequency((4, Gen.Constant(Step.Add)), (2, Gen.Constant(Step.Remove)), (3, Gen.Constant(Step.Next)))
        from frame in Gen.Choose(0, Frames - 1)
        select (step, frame), 30 + (3 * size)));

    [Fact]
    public void The_hand_goes_round_the_members_in_the_order_of_their_numbers() => Seeded.Check(300, s_scripts, Simpler, static script =>
    {
        ulong* bits = (ulong*)NativeMemory.AllocZeroed((nuint)FrameRing.Bytes(Frames));
        try
        {
            var ring = new FrameRing(bits, Frames);
            var model = new SortedSet<int>();
            int hand = 0;
            foreach ((Step step, int frame) in script)
            {
                switch (step)
                {
                    case Step.Add:
                        Assert.Equal(model.Add(frame), ring.Add(frame));
                        break;
                    case Step.Remove:
                        Assert.Equal(model.Remove(frame), ring.Remove(frame));
                        break;
                    default:
                        long expected = model.Count == 0 ? -1 : model.GetViewBetween(hand, Frames) is { Count: > 0 } ahead ? ahead.Min : model.Min;
                        Assert.Equal(expected, ring.Peek());
                        Assert.Equal(expected, ring.Next());
                        hand = expected < 0 ? hand : (int)expected + 1;
                        break;
                }

                Assert.Equal(model.Contains(frame), ring.Contains(frame));
            }
        }
        finally
        {
            NativeMemory.Free(bits);
        }
    });

    [Fact]
    public void Threads_that_go_round_get_different_frames()
    {
        ulong* bits = (ulong*)NativeMemory.AllocZeroed((nuint)FrameRing.Bytes(Frames));
        try
        {
            var ring = new FrameRing(bits, Frames);
            for (int i = 0; i < Frames; i += 3)
            {
                ring.Add(i);
            }

            // Together they take each member exactly three times.
            int each = (Frames + 2) / 3;
            int[] seen = new int[Frames];
            Crew.Run(3, _ =>
            {
                for (int i = 0; i < each; i++)
                {
                    Interlocked.Increment(ref seen[ring.Next()]);
                }
            });

            Assert.All(Enumerable.Range(0, Frames), i => Assert.Equal(i % 3 == 0 ? 3 : 0, seen[i]));
        }
        finally
        {
            NativeMemory.Free(bits);
        }
    }

    private static IEnumerable<(Step Step, int Frame)[]> Simpler((Step Step, int Frame)[] script) =>
        script.Length == 0 ? [] : [script[..(script.Length / 2)], script[(script.Length / 2)..], script[..^1], script[1..]];
}
