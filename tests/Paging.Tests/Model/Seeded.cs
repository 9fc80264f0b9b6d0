using System.Diagnostics;
using System.Globalization;
using FsCheck;
using FsCheck.Fluent;
using Microsoft.FSharp.Core;

namespace Paging.Tests.Model;

/// <summary>Seeds of random tests: from the environment variable PAGING_SEED, else new ones. A failure names its seed.</summary>
internal static class Seeded
{
    private const int MostShrinks = 100;

    public static ulong Next()
    {
        string? given = Environment.GetEnvironmentVariable("PAGING_SEED");
        return string.IsNullOrEmpty(given)
            ? (ulong)Stopwatch.GetTimestamp()
            : ulong.Parse(given, CultureInfo.InvariantCulture);
    }

    /// <summary>Checks a property over random cases, and shrinks the first that fails.</summary>
    /// <param name="cases">How many cases.</param>
    /// <param name="cased">Draws them.</param>
    /// <param name="shrink">Simpler forms of a case, the most promising ones first.</param>
    /// <param name="property">Throws when a case fails.</param>
    /// <param name="shrinks">So many simpler cases are tried at most: what is left of them is taken to hold, so that a failure is told about
    /// soon, if perhaps in a longer form. The seed repeats it anyway.</param>
    public static void Check<T>(int cases, Gen<T> cased, Func<T, IEnumerable<T>> shrink, Action<T> property, int shrinks = MostShrinks)
    {
        int left = int.MaxValue;
        void CheckOne(T value)
        {
            if (left-- <= 0)
                return;
            try
            {
                property(value);
            }
            catch
            {
                left = Math.Min(left, shrinks);
                throw;
            }
        }

        ulong seed = Next();
        var replay = new Replay(new Rnd(seed, (seed << 1) | 1), FSharpOption<int>.None);
        Config config = Config.QuickThrowOnFailure
            .WithMaxTest(cases)
            .WithReplay(FSharpOption<Replay>.Some(replay))
            .WithQuietOnSuccess(true);
        try
        {
            FsCheck.Check.One(config, Prop.ForAll(Arb.From(cased, shrink), CheckOne));
        }
        catch (Exception e)
        {
            Assert.Fail(string.Create(CultureInfo.InvariantCulture, $"PAGING_SEED={seed} repeats this.{Environment.NewLine}{e}"));
        }
    }

    /// <summary>Runs a test that draws its own chances, and adds the seed to whatever it throws.</summary>
    public static void Run(Action<ulong> test)
    {
        ulong seed = Next();
        try
        {
            test(seed);
        }
        catch (Exception e)
        {
            Assert.Fail(string.Create(CultureInfo.InvariantCulture, $"PAGING_SEED={seed} repeats this.{Environment.NewLine}{e}"));
        }
    }

    /// <summary>Shorter sequences first, then sequences of simpler operations.</summary>
    public static IEnumerable<T[]> Shrink<T>(T[] operations, Func<T, IEnumerable<T>> simpler)
    {
        for (int cut = operations.Length / 2; cut > 0; cut /= 2)
        {
            for (int start = 0; start + cut <= operations.Length; start += cut)
                yield return [.. operations[..start], .. operations[(start + cut)..]];
        }

        for (int i = 0; i < operations.Length; i++)
        {
            foreach (T candidate in simpler(operations[i]))
            {
                T[] copy = [.. operations];
                copy[i] = candidate;
                yield return copy;
            }
        }
    }

    /// <summary>Nothing, a half, one less.</summary>
    public static IEnumerable<int> Shrink(int value)
    {
        if (value > 0)
            yield return 0;
        if (value > 3)
            yield return value / 2;
        if (value > 1)
            yield return value - 1;
    }
}
