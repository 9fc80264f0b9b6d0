using Paging.Codecs;
using Paging.Residency;
using Paging.Tests.Protocol;

namespace Paging.Tests.Residency;

/// <summary>Numbers of policies: given, found, given back.</summary>
public sealed class PolicyTableTests
{
    [Fact]
    public void Any_number_of_policies_is_found_by_their_numbers()
    {
        CompressionPolicy ofPager = New();
        var table = new PolicyTable(ofPager);
        CompressionPolicy[] policies = [.. Enumerable.Range(0, 100).Select(static _ => New())];
        int[] numbers = [.. policies.Select(table.Add)];
        Assert.Equal(Enumerable.Range(1, 100), numbers);
        Assert.Same(ofPager, table[0]);
        Assert.All(numbers.Zip(policies), pair => Assert.Same(pair.Second, table[pair.First]));
    }

    [Fact]
    public void Numbers_that_are_given_back_are_given_again()
    {
        var table = new PolicyTable(New());
        int[] numbers = [.. Enumerable.Range(0, 40).Select(_ => table.Add(New()))];
        foreach (int number in numbers.Where(static number => number % 3 == 0))
        {
            table.Remove(number);
        }

        CompressionPolicy[] again = [.. numbers.Where(static number => number % 3 == 0).Select(static _ => New())];
        int[] given = [.. again.Select(table.Add)];
        Assert.Equal(numbers.Where(static number => number % 3 == 0), given.Order());
        Assert.All(given.Zip(again), pair => Assert.Same(pair.Second, table[pair.First]));
        Assert.Equal(41, table.Add(New()));
    }

    [Fact]
    public void A_policy_is_found_while_others_are_added()
    {
        CompressionPolicy ofPager = New();
        var table = new PolicyTable(ofPager);
        CompressionPolicy mine = New();
        int number = table.Add(mine);
        bool isFound = true;
        bool isDone = false;
        var reader = new Thread(() =>
        {
            while (!Volatile.Read(ref isDone))
            {
                isFound &= table[number] == mine && table[0] == ofPager;
            }
        });
        reader.Start();
        for (int i = 0; i < 5000; i++)
        {
            table.Add(ofPager);
        }

        Volatile.Write(ref isDone, true);
        reader.Join();
        Assert.True(isFound);
    }

    [Fact]
    public void Arrays_that_come_and_go_use_the_same_numbers()
    {
        const int Arrays = 40;
        using var pager = new Pager(new PagerOptions { ResidentBytes = 64 << 10, PoolBytes = 4 << 20, PageBytes = 4 << 10, BackgroundThreads = 0 });
        for (int round = 0; round < 4; round++)
        {
            PagedArray<byte>[] arrays =
            [
                .. Enumerable.Range(0, Arrays).Select(i => pager.Allocate<byte>(
                    3 * 4096, new PagedArrayOptions { Compression = (CompressionGoal)(i % 4), Filter = i % 5 == 4 ? null : (PageFilter)(i % 5) })),
            ];
            int[] numbers = [.. arrays.Select(array => Internals.Region(array).PolicyNumber)];
            Assert.Equal(Enumerable.Range(1, Arrays), numbers.Order());
            for (int i = 0; i < Arrays; i++)
            {
                byte[] text = Text(i, round);
                arrays[i].CopyFrom(0, text);
                Assert.Same(Internals.Region(arrays[i]).Policy, Internals.Domain(pager).Policies[numbers[i]]);
            }

            for (int i = 0; i < Arrays; i++)
            {
                byte[] read = new byte[3 * 4096];
                arrays[i].CopyTo(0, read);
                Assert.Equal(Text(i, round), read);
                arrays[i].Dispose();
            }
        }

        static byte[] Text(int i, int round)
        {
            byte[] text = new byte[3 * 4096];
            Stress.Driver.Content.Write<byte>(Stress.Driver.ContentKind.Text, (ulong)((100 * round) + i), text);
            return text;
        }
    }

    private static CompressionPolicy New() => new(4, CompressionGoal.Balanced, filter: null);
}
