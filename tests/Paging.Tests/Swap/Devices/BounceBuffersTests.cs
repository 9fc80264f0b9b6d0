using Paging.Swap.Devices;
using Paging.Tests.Model;

namespace Paging.Tests.Swap.Devices;

/// <summary>Buffers that are few, aligned, and nobody else's.</summary>
public sealed unsafe class BounceBuffersTests
{
    [Fact]
    public void Buffers_are_aligned_apart_and_as_many_as_there_are()
    {
        using var buffers = new BounceBuffers(5, 8192);
        var addresses = new SortedSet<long>();
        for (int i = 0; i < 5; i++)
        {
            byte* buffer = buffers.Rent();
            new Span<byte>(buffer, 8192).Fill((byte)i);
            Assert.Equal(i, buffers.IndexOf(buffer));
            Assert.Equal(0, (long)buffer % SwapDevice.BufferAlignment);
            Assert.True(addresses.Add((long)buffer));
        }

        Assert.True(buffers.TryRent() == null);
        Assert.All(addresses.Zip(addresses.Skip(1)), pair => Assert.True(pair.First + 8192 <= pair.Second));
        foreach (long address in addresses)
        {
            buffers.Return((byte*)address);
        }
    }

    [Fact]
    public void Only_what_has_been_out_at_the_same_time_takes_memory()
    {
        using var buffers = new BounceBuffers(8, 4096);
        Assert.Equal(0, buffers.TotalBytes);
        for (int i = 0; i < 20; i++)
        {
            byte* first = buffers.Rent();
            byte* second = buffers.Rent();
            buffers.Return(i % 2 == 0 ? first : second);
            buffers.Return(i % 2 == 0 ? second : first);
        }

        Assert.Equal(8192, buffers.TotalBytes);
    }

    [Fact]
    public void Runs_of_buffers_are_apart_and_there_as_long_as_enough_are_free_in_a_row()
    {
        for (int seed = 1; seed <= 200; seed++)
        {
            var random = new Random(seed);
            int count = random.Next(1, BounceBuffers.MaxBuffers + 1);
            using var buffers = new BounceBuffers(count, 4096);
            var taken = new bool[count];
            var runs = new List<(int First, int Length, int Bytes)>();
            for (int i = 0; i < 200; i++)
            {
                if (runs.Count > 0 && random.Next(3) == 0)
                {
                    int which = random.Next(runs.Count);
                    (int from, int many, int bytes) = runs[which];
                    runs.RemoveAt(which);
                    Array.Fill(taken, false, from, many);
                    buffers.ReturnRun(buffers.Address + (from * 4096L), bytes);
                    continue;
                }

                int wanted = random.Next(1, (random.Next(4) == 0 ? count + 2 : Math.Min(count, 5) + 1) * 4096);
                int length = (wanted + 4095) / 4096;
                bool isThere = length <= count
                    && Enumerable.Range(0, count - length + 1).Any(
                        at => (at % BounceBuffers.InAWord) + length <= BounceBuffers.InAWord && !taken.AsSpan(at, length).Contains(true));
                byte* run = buffers.TryRentRun(wanted);
                Assert.True(isThere == (run != null), $"seed {seed}, step {i}: {length} of {count}");
                if (run == null)
                    continue;
                int first = buffers.IndexOf(run);
                Assert.False(taken.AsSpan(first, length).Contains(true), $"seed {seed}, step {i}");
                Array.Fill(taken, true, first, length);
                runs.Add((first, length, wanted));
            }

            foreach ((int first, int _, int bytes) in runs)
                buffers.ReturnRun(buffers.Address + (first * 4096L), bytes);
        }
    }

    [Fact]
    public void Who_finds_none_waits_for_one()
    {
        using var buffers = new BounceBuffers(2, 4096);
        IoEngineTests.Parallel(6, thread =>
        {
            for (int i = 0; i < 200; i++)
            {
                byte* buffer = buffers.Rent();
                *(int*)buffer = thread;
                Thread.Yield();
                Assert.Equal(thread, *(int*)buffer);
                buffers.Return(buffer);
            }
        });
        Assert.InRange(buffers.TotalBytes, 4096, 8192);
    }

    [Fact]
    public void Buffers_stay_out_of_children_of_a_fork()
    {
        using var buffers = new BounceBuffers(2, 4096);
        byte* buffer = buffers.Rent();
        *buffer = 1;
        string flags = Mappings.FlagsAt((long)buffer);
        buffers.Return(buffer);
        Assert.Contains(" dc ", flags, StringComparison.Ordinal);
    }
}
